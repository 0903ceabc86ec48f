"""Options as the words of a command line, as JSON, and back."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from fnn.spec.errors import FnnError, choice

if TYPE_CHECKING:
    from fnn.cli.commands.train import TrainCommand

T = TypeVar("T")
REPEATED = ("over",)
"""options that may be given several times, with a value each"""
BLOCK, BLOCKS = 2**16, 256
"""bytes that are read at a place of a large file, and the places"""


def to_argv(options: Any) -> list[str]:
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
        elif name in REPEATED:
            yield from ((name, [word]) for word in value)
        elif isinstance(value, bool):
            yield name if value else f"no-{name}", []
        else:
            yield name, [*map(str, value)] if isinstance(value, tuple) else [str(value)]


def without_config(arguments: list[str], option: str = "--config") -> tuple[list[str], str | None]:
    """The words of a command line without `--config RUN`, and the run."""
    for index, word in enumerate(arguments):
        if word == "--":
            break
        if word.startswith(f"{option}="):
            return arguments[:index] + arguments[index + 1 :], word.partition("=")[2]
        if word == option:
            if index + 1 == len(arguments):
                raise FnnError("expected the folder of a run, or its config.json", option)
            return arguments[:index] + arguments[index + 2 :], arguments[index + 1]
    return arguments, None


def read_options(cls: type[T], path: str | Path) -> T:
    """The options that a run's config.json holds, save for its own folder's name.

    `path` is the file or the run's folder.
    Raises `FnnError` for a file that is none, or holds options that this fnn does not have.
    """
    from fnn.files import field

    place = place_of(path)
    options = field(_record(place), "options", dict, place)
    made: T = _build(cls, options | {"out": None}, str(place))
    return made


def has_changed(path: str | Path, options: TrainCommand) -> bool:
    """Whether the data of the run in that folder is other than when it was trained.

    `options` are those of now; where they name other data, nothing has changed.
    """
    place = place_of(path)
    data = _record(place).get("data")
    known = data.get("sha256") if isinstance(data, dict) else None
    kept = read_options(type(options), place)
    same = (kept.data, kept.file.test) == (options.data, options.file.test)
    return same and known is not None and digest(options) not in (known, None)


def digest(options: TrainCommand) -> str | None:
    """The SHA-256 of the data, in hexadecimal: of DATA, together with the --test file if any.

    Of a folder of .npy files it is of their sizes, and of 64 KiB in each of 256 places at most.
    None for data that goes by a name, and where something is not there.
    """
    from fnn.data import NAMES

    if options.data in NAMES:
        return None
    paths = [Path(name).expanduser() for name in (options.data, options.file.test) if name]
    if not all(path.exists() for path in paths):
        return None
    found = [_folder_digest(path) if path.is_dir() else _file_digest(path) for path in paths]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(path: Path) -> str:
    made = hashlib.sha256()
    for part in sorted(path.glob("*.npy")):
        size = part.stat().st_size
        made.update(f"{part.name} {size}\n".encode())
        with part.open("rb") as file:
            for place in range(0, size, max(BLOCK, -(-size // BLOCKS))):
                file.seek(place)
                made.update(file.read(BLOCK))
    return made.hexdigest()


def place_of(path: str | Path) -> Path:
    """The config.json of a run's folder, or the file itself."""
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
