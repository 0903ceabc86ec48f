"""What figures read of a sweep's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np


class SweepMember(Protocol):
    """A trained member of a sweep (`fnn.sweeps.MemberResult`)."""

    @property
    def status(self) -> str: ...

    @property
    def values(self) -> Mapping[str, float]: ...

    @property
    def history(self) -> Mapping[str, np.ndarray]: ...


class SweepSetting(Protocol):
    """Members that differ in their seeds alone (`fnn.sweeps.SettingResult`)."""

    @property
    def settings(self) -> Mapping[str, object]: ...

    @property
    def mean(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    @property
    def diverged(self) -> int: ...

    @property
    def members(self) -> Sequence[SweepMember]: ...
