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
    """Keep the best members' models in `best-1`, `best-2`, … of a folder; gives these folders.

    At most `count` of them, or all whose parameters the sweep has kept. `prepared` are the data
    that it was given. Errors as in `save`.
    """
    kept = [outcome for outcome in sweep.ranked() if outcome.params is not None][:count]
    places = [Path(folder) / f"best-{number}" for number in range(1, len(kept) + 1)]
    for outcome, place in zip(kept, places, strict=True):
        save(Model.of_member(outcome, prepared), place)
    return places
