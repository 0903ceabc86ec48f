"""A model that a command has kept, for the next command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.options.devices import MachineOptions
    from fnn.data import Preprocessing
    from fnn.model import Model


def kept_model(folder: str, machine: MachineOptions) -> tuple[Model, Preprocessing]:
    """The model in a folder, in the precision that it was kept in, and its preprocessing."""
    from fnn.model import is_float64, load
    from fnn.runs import check_single

    check_single(folder)
    machine.set_up(is_float64(folder))
    model = load(folder)
    if model.preprocessing is None:
        raise FnnError("was kept without its preprocessing", folder)
    return model, model.preprocessing


@contextmanager
def about(file: str) -> Iterator[None]:
    """An error about the rows of a file tells which file."""
    try:
        yield
    except FnnError as error:
        if str(error).startswith(file):
            raise
        raise FnnError(str(error), file) from error
