"""Options as the words of a command line, as JSON, and back."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from fnn.spec.errors import FnnError, choice

T = TypeVar("T")


def words(options: Any) -> list[str]:
    """The shortest command line that gives these options, what needs no name first."""
    given = [*_given(options)]
    plain = [value for name, values in given if not name for value in values]
    named = [word for name, values in given if name for word in _named(name, values)]
    dashed = any(word.startswith("-") for word in plain)
    return [*named, "--", *plain] if dashed else [*plain, *named]


def _named(name: str, values: list[str]) -> list[str]:
    """An option with its values; a first one like `-x` would be taken for another option."""
    if values and values[0].startswith("-"):
        return [f"--{name}={values[0]}", *values[1:]]
    return [f"--{name}", *values]


def _given(options: Any) -> Iterator[tuple[str, list[str]]]:
    """The options that differ from their defaults: the name ("" for none), and the values."""
    for field in dataclasses.fields(options):
        value, default = getattr(options, field.name), field.default
        name = field.name.replace("_", "-")
        if field.default_factory is not dataclasses.MISSING:
            yield from _given(value)
        elif default is dataclasses.MISSING:
            yield "", [str(value)]
        elif value == default:
            continue
        elif isinstance(value, bool):
            yield name if value else f"no-{name}", []
        else:
            yield name, [*map(str, value)] if isinstance(value, tuple) else [str(value)]


def without_config(arguments: list[str]) -> tuple[list[str], str | None]:
    """The words of a command line without `--config RUN`, and the run."""
    for index, word in enumerate(arguments):
        if word == "--":
            break
        if word.startswith("--config="):
            return arguments[:index] + arguments[index + 1 :], word.partition("=")[2]
        if word == "--config":
            if index + 1 == len(arguments):
                raise FnnError("expected the folder of a run, or its config.json", "--config")
            return arguments[:index] + arguments[index + 2 :], arguments[index + 1]
    return arguments, None


def read_options(cls: type[T], path: str | Path) -> T:
    """The options that a run's config.json holds, save for its own folder's name.

    `path` is the file or the run's folder.
    Raises `FnnError` for a file that is none, or holds options that this fnn does not have.
    """
    from fnn.files import field

    place = _place(path)
    options = field(_record(place), "options", dict, place)
    made: T = _build(cls, options | {"out": None}, str(place))
    return made


def check_unchanged(path: str | Path, data: str) -> None:
    """The run of that folder saw the file `data` as it is now.

    Raises `FnnError` where it has been changed since: other rows would be set aside for a test.
    """
    from fnn.files import field

    place = _place(path)
    known = field(_record(place), "data.sha256", str | None, place)
    if known is not None and digest(data) not in (known, None):
        raise FnnError(f"has been changed since {path} was trained on it", data)


def digest(path: str | Path) -> str | None:
    """The SHA-256 of a file, in hexadecimal; None where there is no such file."""
    path = Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(path: str | Path) -> Path:
    return Path(path) / "config.json" if Path(path).is_dir() else Path(path)


def _record(place: Path) -> dict[str, Any]:
    from fnn.files import explained, read_record
    from fnn.runs.folder import FORMAT

    with explained(place):
        if place.name == "config.json" and place.parent.is_dir() and not place.exists():
            raise FnnError("is not the folder of a run: it has no config.json", str(place.parent))
    return read_record(place, FORMAT)


def _build(cls: Any, values: dict[str, Any], path: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    given = {}
    for name, value in values.items():
        if name not in fields:
            raise FnnError(f"unknown option {name!r}{choice(name, fields)}", path)
        if dataclasses.is_dataclass(hints[name]):
            if not isinstance(value, dict):
                raise FnnError(f"expected {name!r} to be an object, got {value!r}", path)
            value = _build(hints[name], value, path)
        given[name] = tuple(value) if isinstance(value, list) else value
    missing = [
        name
        for name, field in fields.items()
        if name not in given
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise FnnError(f"the option {missing[0]!r} is missing", path)
    return cls(**given)
