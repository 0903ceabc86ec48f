"""A sweep as files: its tables as Parquet, its figures as PNG."""

from __future__ import annotations

import io
import itertools
import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fnn import figures
from fnn.figures.sweeps.panels import varied_names
from fnn.figures.values import in_words
from fnn.files import explained, write_bytes
from fnn.spec import FnnError
from fnn.sweeps.axes import SEEDS
from fnn.sweeps.member_result import MemberResult, is_higher
from fnn.sweeps.setting_result import SettingResult

if TYPE_CHECKING:
    import pandas as pd

MAPS = 6
"""pairs of names that have a heat map"""


class SweepTables(Protocol):
    """What is exported of a sweep: a `SweepResult`."""

    @property
    def outcomes(self) -> Sequence[MemberResult]:
        """Members, in order."""

    @property
    def metric(self) -> str:
        """The one by which they are compared."""

    @property
    def names(self) -> Sequence[str]:
        """What is varied."""

    def frame(self) -> pd.DataFrame:
        """A row a member."""

    def settings(self) -> Sequence[SettingResult]:
        """Settings, the best first."""


def check_libraries(drawn: bool = True) -> None:
    """Raises `FnnError` where a library that writes the files is not installed."""
    needed = ["pandas", "pyarrow", *(["matplotlib"] if drawn else [])]
    lacking = [name for name in needed if find_spec(name) is None]
    if lacking:
        raise FnnError(f"a sweep's files need {lacking[0]}: pip install 'fnn[sweeps,plots]'")


def save(
    sweep: SweepTables, folder: str | os.PathLike[str], *, drawn: bool = True, title: str = ""
) -> None:
    """Write tables and figures into a folder; arguments and errors as in `SweepResult.save`."""
    check_libraries(drawn)
    if not sweep.outcomes:
        raise FnnError("no member was trained: there is nothing to save")
    directory = Path(folder)
    with explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
    _write(plain_frame(sweep), directory / "members.parquet")
    _write(history_frame(sweep), directory / "history.parquet")
    if drawn:
        draw(sweep, directory, title)


def draw(sweep: SweepTables, folder: Path, title: str = "") -> None:
    """The figures: over each name, over each two of them (of few), and over epochs."""
    settings, metric = sweep.settings(), sweep.metric
    figures.sweep_curves(settings, folder / "curves.png", metric=metric, title=title)
    names = varied_names(settings)
    if not names:
        return
    figures.sweep(settings, folder / "sweep.png", metric=metric, title=title)
    pairs = list(itertools.combinations(names, 2))
    for pair in pairs[:MAPS]:
        words = "-".join(["map", *pair]) if len(pairs) > 1 else "map"
        file = folder / (re.sub(r"[^\w.]+", "-", words) + ".png")
        higher = is_higher(metric)
        figures.sweep_map(settings, pair, file, metric=metric, higher=higher, title=title)


def plain_frame(sweep: SweepTables) -> pd.DataFrame:
    """`SweepResult.frame` with text in place of values that a column of a file can't hold.

    A column of numbers has none where the value is None; tuples, specs, and values of several
    kinds are written out: "64, 32".
    """
    frame = sweep.frame()
    for name in (name for name in sweep.names if name not in SEEDS):
        if frame[name].dtype == object:
            values = [outcome.member.settings.get(name) for outcome in sweep.outcomes]
            frame[name] = [in_words(value, None) for value in values]
    return frame


def history_frame(sweep: SweepTables) -> pd.DataFrame:
    """A row an epoch of a member: `member`, `epoch` from 1, `loss`, each `validation_<metric>`."""
    import pandas as pd

    parts = [
        pd.DataFrame(
            {"member": outcome.index, "epoch": np.arange(1, outcome.epochs + 1), **outcome.history}
        )
        for outcome in sweep.outcomes
        if outcome.history
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"member": []})


def _write(frame: pd.DataFrame, path: Path) -> None:
    data = io.BytesIO()
    frame.to_parquet(data, engine="pyarrow")
    write_bytes(path, data.getvalue())
