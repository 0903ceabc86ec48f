"""Numbers as they are typed: in ASCII digits, without underscores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo


def parse_int(text: str) -> int:
    """A whole number. Raises `ValueError`: `int` would take 1_000, and digits of any script."""
    return int(_plain(text))


def parse_float(text: str) -> float:
    """A number. Raises `ValueError` as `parse_int` does."""
    return float(_plain(text))


def _plain(text: str) -> str:
    if not text.isascii() or "_" in text:
        raise ValueError(f"expected a number in digits from 0 to 9, got {text!r}")
    return text


def registry() -> ConstructorRegistry:
    """How tyro is to read numbers."""
    from tyro.constructors import ConstructorRegistry

    rules = ConstructorRegistry()
    rules.primitive_rule(_rule)
    return rules


def _rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int | float] | None:
    from tyro.constructors import PrimitiveConstructorSpec

    if info.type not in (int, float):
        return None
    parse = parse_int if info.type is int else parse_float
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT" if info.type is int else "FLOAT",
        instance_from_str=lambda words: parse(words[0]),
        is_instance=lambda value: (
            isinstance(value, int | (float if info.type is float else int))
            and not isinstance(value, bool)
        ),
        str_from_instance=lambda value: [str(value)],
    )
