"""Errors for people: what was wrong, where it was, what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class FnnError(ValueError):
    """An error whose message is meant to be read by a person.

    `path` names the place in the spec, e.g. `net.layers[2].rate`; it grows from the inside out as
    the error passes through `error_path`.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SpecError(FnnError):
    """A field, kind, version or name of a spec is not what it should be."""


class ShapeError(FnnError):
    """Two shapes (or dtypes) that must agree do not."""


class FnnWarning(UserWarning):
    """What will go on, but hardly as it is meant to: what, where, and what to do about it."""


def join(location: str, path: str) -> str:
    """`layers[2]` and `rate` make `layers[2].rate`; `layers` and `[2]` make `layers[2]`."""
    return (
        location + path
        if not location or not path or path.startswith("[")
        else f"{location}.{path}"
    )


@contextmanager
def error_path(location: str) -> Iterator[None]:
    """Errors raised inside belong to `location`."""
    try:
        yield
    except FnnError as error:
        error.path = join(location, error.path)
        raise


def choice(name: str, known: Iterable[str]) -> str:
    """The tail of an error about an unknown name: the nearest known one, and all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (known: {', '.join(known) or 'none'})"


def shorten(name: str, width: int) -> str:
    """A name that is too long loses its middle."""
    if len(name) <= width:
        return name
    front = (width - 1) // 2
    return f"{name[:front]}…{name[front + 1 - width :]}"
