"""Sweeps: many runs as one compiled program."""

from fnn.sweeps.axes import Member, Range, members
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.result import SettingResult, SweepResult
from fnn.sweeps.train import SweepEvent, TrainedMembers, train_members

__all__ = [
    "Member",
    "MemberResult",
    "Range",
    "SettingResult",
    "SweepEvent",
    "SweepResult",
    "TrainedMembers",
    "members",
    "train_members",
]
