"""The run of a setting: options of a single run, and fields of the run itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fnn.cli.options.axes import SHAPE, Settings, known_options, with_settings
from fnn.cli.options.single_run import SingleRunOptions, build_single_run
from fnn.cli.options.values import format_settings
from fnn.spec.errors import FnnError, SpecError, choice, error_path

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.training import Run


def build_run(options: SingleRunOptions, prepared: Prepared, settings: Settings) -> Run:
    """The run of these options with some of them changed, and fields of the run itself.

    A name is first an option of a single run (`hidden`, `learning_rate`, …), `width` or `depth`
    (hidden layers of one width), else a path into the run or its tail (`momentum`). Seeds are no
    part of a run. Raises `SpecError` for other names and values, with the name.
    """
    from fnn.spec import is_number

    options, rest = with_settings(options, settings)
    try:
        run = build_single_run(options, prepared)
    except FnnError as error:
        name = error.path.removeprefix("--").replace("-", "_")
        varied = name if name in settings else next(iter({*SHAPE} & {*settings}), None)
        if error.path.startswith("--") and varied is None:
            raise  # all that was tried has it
        path = "--over" if varied is None else f"--over {varied}"
        where = format_settings(settings)
        raise FnnError(f"{error.message} (where {where})", path) from error
    for name in sorted(rest, key=lambda name: is_number(run, name)):
        with error_path(f"--over {name}"):
            run = _with_field(run, name, rest[name], {*known_options(options), *SHAPE})
    return run


def _with_field(run: Run, name: str, value: object, options: Iterable[str]) -> Run:
    """The run with that field. The error about an unknown name has the nearest one."""
    from fnn.spec import named_leaves, with_fields

    try:
        return with_fields(run, {name: value})
    except SpecError as error:
        if error.path:  # the field is there, and can't hold the value
            raise
        known = {path.rpartition(".")[2] for path in named_leaves(run)}
        raise SpecError(
            f"is no option and no field of the run{choice(name, known | {*options})}"
        ) from None
