"""What a checker says about a claim."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a user sees."""

    PASSES = "passes"
    OBJECTS = "objects"
    """the gradient is said to be wrong"""
    UNDECIDED = "undecided"
    """neither proved nor said to be wrong"""
    ERROR = "error"
    """raised for another reason than disagreement"""


@dataclass(frozen=True)
class Answer:
    """The outcome, and what is said beside it."""

    outcome: Outcome
    words: str = ""
    layers: tuple[str, ...] = ()
    """those said to be at fault: `net.layers[2]`, `loss`"""
    corner: bool = False
    """says that the function has a corner at the very point"""


def shortened(words: object, length: int = 240) -> str:
    """In one line, cut to that length."""
    text = " ".join(str(words).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def layers_of(path: str) -> tuple[str, ...]:
    """The layer that a leaf belongs to, none for the input: `layers[0].weight`, `net.layers[0]`."""
    return () if path == "input" else (f"net.{path.rpartition('.')[0]}",)
