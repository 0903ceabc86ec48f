"""`--over NAME=VALUES`: names, their values or ranges, and the options that settings change."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, get_type_hints

from fnn.cli.options.numbers import parse_float, parse_int
from fnn.cli.options.single_run import SingleRunOptions
from fnn.cli.options.values import check_value
from fnn.spec.errors import FnnError, SpecError, error_path

if TYPE_CHECKING:
    from fnn.sweeps import Member, Range

    Axis: TypeAlias = Sequence[object] | Range

T = TypeVar("T", bound=SingleRunOptions)
Settings: TypeAlias = Mapping[str, object]

FORM = "expected NAME=VALUE,VALUE,… or NAME=LOW:HIGH, such as learning_rate=1e-4:1e-1:log"
WORDS = {"none": None, "yes": True, "true": True, "no": False, "false": False}
GROUPS = ("network", "training", "validation")
"""the groups of options that make a run"""
SEEDS = ("seed", "order_seed")
SHAPE = ("width", "depth")
"""two numbers that stand for --hidden"""
FIXED = {
    "epochs": "all run for as many; --patience ends some of them earlier",
    "precision": "it is one for all",
    "metrics": "all are compared by the same ones",
    "keep": "all are compared by the same metric",
    "validate_every": "all are validated together",
    "monitor": "it changes nothing that is learned",
    "data": "all share the rows",
    "split": "all share the rows",
    "split_seed": "all share the rows",
    "stratify": "all share the rows",
    "device": "all run on the same",
}
"""what can't be varied, and why"""


def parse_all(words: Sequence[str]) -> dict[str, Axis]:
    """The axes by name. Raises `FnnError` for a word that is none, and for a name given twice."""
    axes: dict[str, Axis] = {}
    for word in words:
        name, axis = parse(word)
        if name in axes:
            raise FnnError(f"{name!r} is given twice", "--over")
        axes[name] = axis
    return axes


def parse(word: str) -> tuple[str, list[object] | Range]:
    """A name with its values, or with the range that its values are to be drawn from.

    `name=a,b,c`: values, each a number, `none`, `yes`, `no` or a word. `name=1,2/3,4/none`: tuples
    of them, as `hidden` takes. `name=low:high:16` or `name=low:high:log:16`: 16 values evenly on
    the scale. `name=low:high`, with `:log` or `:whole` behind it or not: to be drawn.
    """
    name, equals, text = (part.strip() for part in word.partition("="))
    if not (name and equals and text):
        raise FnnError(f"{FORM}, got {word!r}", "--over")
    name = name.replace("-", "_")
    with error_path(f"--over {word}"):
        if ":" in text:
            return name, _range(text.split(":"))
        if "/" in text or name == "hidden":
            return name, _tuples(name, text)
        return name, [_value(part) for part in text.split(",")]


def _range(parts: list[str]) -> list[object] | Range:
    from fnn.sweeps import Range

    words = [part.strip() for part in parts[2:]]
    counts = [int(part) for part in words if _is_count(part)]
    marks = [part for part in words if not _is_count(part)]
    known = len(counts) < 2 and len(set(marks)) == len(marks) and {*marks} <= {"log", "whole"}
    low, high = (_value(part) for part in parts[:2])
    if not (known and isinstance(low, int | float) and isinstance(high, int | float)):
        raise FnnError("expected LOW:HIGH, then log, whole and a number of values, as needed")
    between = Range(low, high, log="log" in marks, whole="whole" in marks)
    if not counts:
        return between
    if counts[0] < 2:
        raise FnnError(f"expected 2 values or more from low to high, got {counts[0]}")
    return list(dict.fromkeys(between.grid(counts[0])))


def _is_count(part: str) -> bool:
    return part.isascii() and part.isdecimal() and len(part) < 10


def _tuples(name: str, text: str) -> list[object]:
    """Alternatives with `/` between them; none is the empty tuple."""
    if "/" not in text and "," in text:
        each, both = text.replace(",", "/"), text
        raise FnnError(
            f"one value, {both}: write {name}={each} for {each.count('/') + 1} values, or put "
            "others behind it after a /"
        )
    return [
        () if part.strip().lower() == "none" else tuple(map(_value, part.split(",")))
        for part in text.split("/")
    ]


def _value(text: str) -> bool | int | float | str | None:
    """A number where it reads as one, else what the word stands for, else the word."""
    text = text.strip()
    if not text:
        raise FnnError("expected a value on each side of a comma or colon")
    for parse_number in (parse_int, parse_float):
        try:
            return parse_number(text)
        except ValueError:
            continue
    return WORDS.get(text.lower(), text)


def all_settings(axes: Mapping[str, Axis]) -> list[dict[str, object]]:
    """All combinations of listed values. Raises `FnnError` for a range."""
    from fnn.sweeps import Range

    for name, axis in axes.items():
        if isinstance(axis, Range):
            raise FnnError(
                f"a range, and a grid needs values: say how many, such as {name}="
                f"{axis.low:g}:{axis.high:g}:{'log:' if axis.log else ''}8",
                f"--over {name}",
            )
    lists = [axis for axis in axes.values() if not isinstance(axis, Range)]
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*lists)]


def with_settings(options: T, settings: Settings) -> tuple[T, dict[str, object]]:
    """The options with these settings, and the settings that are no options."""
    groups = known_options(options)
    rest: dict[str, object] = {}
    for name, value in _hidden(options, settings).items():
        with error_path(f"--over {name}"):
            if name in FIXED:
                raise SpecError(f"can't be varied: {FIXED[name]}")
            if name not in groups:
                rest[name] = value
                continue
            group = getattr(options, groups[name])
            check_value(value, get_type_hints(type(group))[name])
            changed = dataclasses.replace(group, **{name: value})
            options = dataclasses.replace(options, **{groups[name]: changed})
    return options, rest


def member_options(options: T, member: Member) -> tuple[T, dict[str, object]]:
    """The options that train a member alone, and the settings for which there is no option."""
    settings = {name: value for name, value in member.settings.items() if name not in SEEDS}
    alone, rest = with_settings(options, settings)
    training = dataclasses.replace(alone.training, seed=member.seed, order_seed=member.order_seed)
    return dataclasses.replace(alone, training=training), rest


def known_options(options: SingleRunOptions) -> dict[str, str]:
    """The options that can be varied, and the group that each is in."""
    return {
        field.name: group
        for group in GROUPS
        for field in dataclasses.fields(getattr(options, group))
        if field.name not in (*FIXED, *SEEDS)
    }


def _hidden(options: SingleRunOptions, settings: Settings) -> dict[str, object]:
    """The settings, with `width` and `depth` as the `hidden` that they mean."""
    if not set(SHAPE) & set(settings):
        return dict(settings)
    if "hidden" in settings:
        raise SpecError("stands beside width or depth, which make it", "--over hidden")
    hidden = options.network.hidden
    width = _whole("width", settings, hidden[0] if hidden else None)
    depth = _whole("depth", settings, len(hidden) or 1)
    if width is None:
        raise SpecError("has no width to go with: vary that too, or give --hidden", "--over depth")
    assert depth is not None
    if depth < 0:
        raise SpecError(f"expected 0 or more, got {depth}", "--over depth")
    rest = {name: value for name, value in settings.items() if name not in SHAPE}
    return {"hidden": (width,) * depth, **rest}


def _whole(name: str, settings: Settings, default: int | None) -> int | None:
    """The whole number that is set."""
    if name not in settings:
        return default
    value = settings[name]
    with error_path(f"--over {name}"):
        check_value(value, int)
    assert isinstance(value, int)
    return value
