"""How an option shows in the manual, and in errors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tyro.conf import arg

from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def option(
    metavar: str | None = None,
    unset: str = "",
    aliases: list[str] | None = None,
    name: str | None = None,
) -> object:
    """An option whose value is called `metavar`; `unset` says what None, or no values, mean.

    It is called `name`, or else as its field.
    """

    def default(value: str) -> str:
        shown = {"None": unset, "": unset, "True": "yes", "False": "no"}.get(value, value)
        return f"(default: {shown})" if shown else ""

    return arg(name=name, metavar=metavar, help_behavior_hint=default, aliases=aliases)


def word(metavar: str) -> object:
    """An argument without the name of an option."""
    return arg(metavar=metavar, help_behavior_hint="")


@contextmanager
def option_errors(*groups: DataclassInstance, **options: str) -> Iterator[None]:
    """Inside, an error about an argument is about the option that it comes from.

    Fields of `groups` (`clip_norm`) become their options (`--clip-norm`); `options` has those of
    other arguments: `smoothing="--label-smoothing"`. `over['rate']` is `--over rate`.
    """
    names = {
        field.name: option_name(field.name)
        for group in groups
        for field in dataclasses.fields(group)
    }
    try:
        yield
    except FnnError as error:
        error.path = _option_path(error.path, names | options)
        raise


def option_name(name: str) -> str:
    """An option's field as it is typed."""
    return "--" + name.replace("_", "-")


def _option_path(path: str, names: dict[str, str]) -> str:
    varied = re.match(r"over\['(.+?)'\]\.?(--.*)?", path)
    if varied:
        return varied[2] or f"--over {varied[1]}"
    return names.get(path) or names.get(path.partition("[")[0], path)
