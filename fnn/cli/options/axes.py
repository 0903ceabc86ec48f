"""What `--over` says: names, the values or ranges they take, and the runs that come of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

from fnn.cli.options.types import check_value, format_value
from fnn.spec.errors import FnnError, SpecError, choice, error_path

if TYPE_CHECKING:
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Prepared
    from fnn.sweeps import Member, Range
    from fnn.training import Run

FORM = "expected NAME=VALUE,VALUE,… or NAME=LOW:HIGH, such as learning_rate=1e-4:1e-1:log"
WORDS: dict[str, Any] = {"none": None, "yes": True, "true": True, "no": False, "false": False}
PARTS = ("network", "training", "validation")
"""of `fnn train`'s options: those that make a run"""
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


def parse_all(words: Sequence[str]) -> dict[str, Sequence[Any] | Range]:
    """The axes by name. Raises `FnnError` for a word that is none, and for a name given twice."""
    axes: dict[str, Sequence[Any] | Range] = {}
    for word in words:
        name, axis = parse(word)
        if name in axes:
            raise FnnError(f"{name!r} is given twice", "--over")
        axes[name] = axis
    return axes


def parse(word: str) -> tuple[str, list[Any] | Range]:
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


def _range(parts: list[str]) -> list[Any] | Range:
    from fnn.sweeps import Range

    words = [part.strip() for part in parts[2:]]
    counts = [int(part) for part in words if part.isdecimal()]
    marks = [part for part in words if not part.isdecimal()]
    known = len(counts) < 2 and len(set(marks)) == len(marks) and {*marks} <= {"log", "whole"}
    low, high = (_value(part) for part in parts[:2])
    if not known or not all(isinstance(end, int | float) for end in (low, high)):
        raise FnnError("expected LOW:HIGH, then log, whole and a number of values, as needed")
    between = Range(low, high, log="log" in marks, whole="whole" in marks)
    if not counts:
        return between
    if counts[0] < 2:
        raise FnnError(f"expected 2 values or more from low to high, got {counts[0]}")
    return list(dict.fromkeys(between.grid(counts[0])))


def _tuples(name: str, text: str) -> list[Any]:
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


def _value(text: str) -> Any:
    """A number where it reads as one, else what the word stands for, else the word."""
    text = text.strip()
    if not text:
        raise FnnError("expected a value on each side of a comma or colon")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return WORDS.get(text.lower(), text)


def build_run(options: TrainCommand, prepared: Prepared, settings: Mapping[str, Any]) -> Run:
    """The run of these options with some of them set otherwise, and fields of the run itself.

    A name is first an option of `fnn train` (`hidden`, `learning_rate`, …), `width` or `depth`
    (hidden layers of one width), else a path into the run or its tail (`momentum`). Seeds are no
    part of a run. Raises `SpecError` for other names and values, with the name.
    """
    from fnn.spec import is_number

    options, rest = with_settings(options, settings)
    fitted = prepared.preprocessing
    try:
        net = options.network.build(fitted.outputs, fitted.in_shape)
        run = options.training.run(net, prepared, options.validation)
    except FnnError as error:
        name = error.path.removeprefix("--").replace("-", "_")
        varied = name if name in settings else next(iter({*SHAPE} & {*settings}), None)
        if error.path.startswith("--") and varied is None:
            raise  # all that was tried has it
        place = "--over" if varied is None else f"--over {varied}"
        raise FnnError(f"{error.message} (where {told(settings)})", place) from error
    for name in sorted(rest, key=lambda name: is_number(run, name)):
        with error_path(f"--over {name}"):
            run = _with_field(run, name, rest[name], {*known_options(options), *SHAPE})
    return run


def told(settings: Mapping[str, Any]) -> str:
    """Settings as `--over` would say them: `hidden=64,32 dropout=0.2`."""
    return " ".join(f"{name}={_text(value)}" for name, value in settings.items())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value)) or "none"
    return f"{value:.6g}" if isinstance(value, float) else format_value(value)


def with_settings(
    options: TrainCommand, settings: Mapping[str, Any]
) -> tuple[TrainCommand, dict[str, Any]]:
    """The options set otherwise, and the settings that are no options."""
    places = known_options(options)
    rest: dict[str, Any] = {}
    for name, value in _hidden(options, settings).items():
        with error_path(f"--over {name}"):
            if name in FIXED:
                raise SpecError(f"can't be varied: {FIXED[name]}")
            if name not in places:
                rest[name] = value
                continue
            part = getattr(options, places[name])
            check_value(value, get_type_hints(type(part))[name])
            changed = dataclasses.replace(part, **{name: value})
            options = dataclasses.replace(options, **{places[name]: changed})
    return options, rest


def of_member(options: TrainCommand, member: Member) -> tuple[TrainCommand, dict[str, Any]]:
    """The options that train a member alone, and the settings that no option says."""
    settings = {name: value for name, value in member.settings.items() if name not in SEEDS}
    alone, rest = with_settings(options, settings)
    training = dataclasses.replace(alone.training, seed=member.seed, order_seed=member.order_seed)
    return dataclasses.replace(alone, training=training), rest


def known_options(options: TrainCommand) -> dict[str, str]:
    """The options that can be varied, and the part of the options that each is in."""
    return {
        field.name: part
        for part in PARTS
        for field in dataclasses.fields(getattr(options, part))
        if field.name not in (*FIXED, *SEEDS)
    }


def _hidden(options: TrainCommand, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with `width` and `depth` as the `hidden` that they mean."""
    if not set(SHAPE) & set(settings):
        return dict(settings)
    if "hidden" in settings:
        raise SpecError("stands beside width or depth, which make it", "--over hidden")
    hidden = options.network.hidden
    for name in set(SHAPE) & set(settings):
        with error_path(f"--over {name}"):
            check_value(settings[name], int)
    width = settings.get("width", hidden[0] if hidden else None)
    if width is None:
        raise SpecError("has no width to go with: vary that too, or give --hidden", "--over depth")
    depth = settings.get("depth", len(hidden) or 1)
    if depth < 0:
        raise SpecError(f"expected 0 or more, got {depth}", "--over depth")
    rest = {name: value for name, value in settings.items() if name not in SHAPE}
    return {"hidden": (width,) * depth, **rest}


def _with_field(run: Run, name: str, value: Any, options: Iterable[str]) -> Run:
    """The run with that field. An unknown name is told the nearest, option or number."""
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
