"""The model that a run has left in its folder, with the preprocessing of its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fnn.runs.kinds import check_single
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Preprocessing
    from fnn.model import Model


def needs_float64(folder: str | Path) -> bool:
    """Whether the model in a folder is to be loaded under JAX's x64 mode.

    Raises `FnnError` for a folder that holds no single model.
    """
    from fnn.model import is_float64

    check_single(folder)
    return is_float64(folder)


def load_model(folder: str | Path) -> tuple[Model, Preprocessing]:
    """The model in a folder, in the precision that it was kept in, and its preprocessing.

    Raises `FnnError` for a folder that holds no single model, or none with its preprocessing.
    """
    from fnn.model import load

    check_single(folder)
    model = load(folder)
    if model.preprocessing is None:
        raise FnnError("was kept without its preprocessing", str(folder))
    return model, model.preprocessing
