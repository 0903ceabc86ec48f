"""Sweeps: many runs as one compiled program."""

from fnn.sweeps.axes import Between, Member, members
from fnn.sweeps.outcome import Outcome
from fnn.sweeps.result import Setting, Sweep
from fnn.sweeps.train import SweepLook, Trained, train_members

__all__ = [
    "Between",
    "Member",
    "Outcome",
    "Setting",
    "Sweep",
    "SweepLook",
    "Trained",
    "members",
    "train_members",
]
