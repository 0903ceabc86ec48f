"""Options as the words of a command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

REPEATED = ("over",)
"""options that may be repeated, with a value each"""
RENAMED = {"imports": "import"}
"""options that are not called as their fields, here since that is a word of Python"""


def to_argv(options: DataclassInstance) -> list[str]:
    """The shortest command line that gives these options, what needs no name first."""
    changed = [*_values(options)]
    plain = [value for name, values in changed if not name for value in values]
    named = [word for name, values in changed if name for word in _named(name, values)]
    dashed = any(word.startswith("-") for word in plain)
    return [*named, "--", *plain] if dashed else [*plain, *named]


def _named(name: str, values: list[str]) -> list[str]:
    """An option with its values; a first one like `-x` would be taken for another option."""
    if values and values[0].startswith("-"):
        return [f"--{name}={values[0]}", *values[1:]]
    return [f"--{name}", *values]


def _values(options: DataclassInstance) -> Iterator[tuple[str, list[str]]]:
    """The options that differ from their defaults: the name ("" for none), and the values."""
    for field in dataclasses.fields(options):
        value, default = getattr(options, field.name), field.default
        name = RENAMED.get(field.name, field.name.replace("_", "-"))
        if field.default_factory is not dataclasses.MISSING:
            yield from _values(value)
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


def without_folder(arguments: list[str], option: str = "--config") -> tuple[list[str], str | None]:
    """The words of a command line without that option and its folder, and the folder."""
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
