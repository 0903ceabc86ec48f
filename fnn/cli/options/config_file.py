"""The options in a run's config.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from fnn.cli.options.values import check_value
from fnn.spec.errors import FnnError, choice

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from fnn.cli.options.single_run import SingleRunOptions

T = TypeVar("T", bound="DataclassInstance")


def read_options(cls: type[T], path: str | Path) -> T:
    """The options that a run's config.json holds, save for its own folder's name.

    `path` is the file or the run's folder.
    Raises `FnnError` for a file that is none, that Python has left, or that holds options which
    this fnn does not have.
    """
    from fnn.files import field

    file = config_path(path)
    record = _record(file)
    if isinstance(call := record.get("call"), str):
        raise FnnError(
            f"was started from Python, by {call}: no command repeats or resumes it; make that call "
            "again (fnn.runs.source.recorded_run gives its run)",
            str(file.parent),
        )
    options = field(record, "options", dict, file)
    return _build(cls, options | {"out": None}, str(file))


def has_changed(path: str | Path, options: SingleRunOptions) -> bool:
    """Whether the data of the run in that folder is other than when it was trained.

    `options` are those of now; where they name other data, nothing has changed.
    """
    from fnn.data.fingerprint import fingerprint

    file = config_path(path)
    data = _record(file).get("data")
    recorded = data.get("sha256") if isinstance(data, dict) else None
    before = read_options(type(options), file)
    same = (before.data, before.file.test) == (options.data, options.file.test)
    if not same or recorded is None:
        return False
    return fingerprint(options.data, options.file.test) not in (recorded, None)


def config_path(path: str | Path) -> Path:
    """The config.json of a run's folder, or the file itself."""
    return Path(path) / "config.json" if Path(path).is_dir() else Path(path)


def _record(file: Path) -> dict[str, Any]:
    from fnn.files import explained, read_record
    from fnn.runs.digests import FORMAT

    with explained(file):
        if file.name == "config.json" and file.parent.is_dir() and not file.exists():
            raise FnnError("is not the folder of a run: it has no config.json", str(file.parent))
    return read_record(file, FORMAT)


def _build(cls: type[T], values: Mapping[str, object], path: str, group: str = "options") -> T:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name not in fields:
            raise FnnError(f"unknown option {name!r}{choice(name, fields)}", path)
        if dataclasses.is_dataclass(hints[name]):
            if not isinstance(value, dict):
                raise FnnError(f"expected {name!r} to be an object, got {value!r}", path)
            arguments[name] = _build(hints[name], value, path, f"{group}.{name}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        with _in_file(path, f"{group}.{name}"):
            check_value(value, hints[name])
        arguments[name] = value
    missing = [
        name
        for name, field in fields.items()
        if name not in arguments
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise FnnError(f"the option {missing[0]!r} is missing", path)
    return cls(**arguments)


@contextmanager
def _in_file(path: str, name: str) -> Iterator[None]:
    """An error raised inside names the file and the field."""
    try:
        yield
    except FnnError as error:
        raise FnnError(f"{name}: {error}", path) from None
