"""Sweeps: many runs as one compiled program."""

from fnn.sweeps.axes import Member, Range, members
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.result import SweepResult
from fnn.sweeps.setting_result import SettingResult
from fnn.sweeps.train import TrainedMembers, train_members

__all__ = [
    "Member",
    "MemberResult",
    "Range",
    "SettingResult",
    "SweepResult",
    "TrainedMembers",
    "members",
    "train_members",
]
