"""How an option shows in the manual, and in errors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tyro.conf import arg

from fnn.spec.errors import FnnError


def option(metavar: str | None = None, unset: str = "", **more: Any) -> Any:
    """An option whose value is called `metavar`; `unset` says what None, or no words, mean."""

    def default(value: str) -> str:
        said = {"None": unset, "": unset, "True": "yes", "False": "no"}.get(value, value)
        return f"(default: {said})" if said else ""

    return arg(metavar=metavar, help_behavior_hint=default, **more)


def word(metavar: str) -> Any:
    """A word that stands without the name of an option."""
    return arg(metavar=metavar, help_behavior_hint="")


@contextmanager
def option_errors(*parts: Any, **options: str) -> Iterator[None]:
    """Inside, an error about an argument is about the option that it comes from.

    Fields of `parts` (`clip_norm`) go by their options (`--clip-norm`); `options` says it of other
    arguments: `smoothing="--label-smoothing"`. `over['rate']` is `--over rate`.
    """
    names = {field.name: typed(field.name) for part in parts for field in dataclasses.fields(part)}
    try:
        yield
    except FnnError as error:
        error.path = _as_typed(error.path, names | options)
        raise


def typed(name: str) -> str:
    """An option's field as it is typed."""
    return "--" + name.replace("_", "-")


def _as_typed(path: str, names: dict[str, str]) -> str:
    varied = re.match(r"over\['(.+?)'\]\.?(--.*)?", path)
    if varied:
        return varied[2] or f"--over {varied[1]}"
    return names.get(path) or names.get(path.partition("[")[0], path)
