"""The models of a sweep's best members."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fnn.model.folder import save
from fnn.model.model import Model

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.sweeps import SweepResult


def save_best(
    sweep: SweepResult, prepared: Prepared, folder: str | os.PathLike[str], count: int | None = None
) -> list[Path]:
    """Save the best members' models in `best-1`, `best-2`, … of a folder. Returns these folders.

    At most `count` of them, or all whose parameters the sweep has kept. `prepared` are the data
    of the sweep. Errors as in `save`.
    """
    with_params = [result for result in sweep.ranked() if result.params is not None][:count]
    folders = [Path(folder) / f"best-{number}" for number in range(1, len(with_params) + 1)]
    for result, path in zip(with_params, folders, strict=True):
        save(Model.of_member(result, prepared), path)
    return folders
