"""What the trials come to: a line for each checker."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.peers.checkers.outcomes import Outcome
from experiments.peers.checkers.trials import Checker, Trial

SHOWN = 12
"""faults that are named in the text"""
ABSENT = "not installed"


@dataclass(frozen=True)
class Tally:
    """The claims that a checker was asked about, by what it said."""

    passes: tuple[str, ...]
    objects: tuple[str, ...]
    undecided: tuple[str, ...]
    errors: tuple[str, ...]
    seconds: float
    """the median of a check"""

    @property
    def asked(self) -> int:
        """All of them."""
        return len(self.passes + self.objects + self.undecided + self.errors)


@dataclass(frozen=True)
class Score:
    """All trials of one checker; empty where it is not installed."""

    checker: str
    faults: Tally
    """wrong gradients, of networks that it has met before: they are compiled"""
    named: int
    """wrong gradients that it objects to and names the layer at fault, and no other"""
    right: Tally
    """right gradients, of networks that it has not met before"""
    at_corners: tuple[str, ...]
    """those that it objects to where the function has a corner at the very point"""
    seconds: float
    """in all"""

    @property
    def alarms(self) -> int:
        """Right gradients that it objects to, away from corners."""
        return len(self.right.objects) - len(self.at_corners)


def scores(contestants: Sequence[Checker], trials: Sequence[Trial]) -> list[Score]:
    """A score for each checker.

    Whether a function has a corner at the point is what the audits say.
    """
    corners = {trial.claim for trial in trials if trial.corner}
    return [
        _score(checker.name, [trial for trial in trials if trial.checker == checker.name], corners)
        for checker in contestants
    ]


def _score(checker: str, trials: Sequence[Trial], corners: Collection[str]) -> Score:
    right = _tally([trial for trial in trials if not trial.fault])
    return Score(
        checker=checker,
        faults=_tally([trial for trial in trials if trial.fault]),
        named=sum(trial.named and trial.outcome == Outcome.OBJECTS for trial in trials),
        right=right,
        at_corners=tuple(claim for claim in right.objects if claim in corners),
        seconds=sum(trial.seconds for trial in trials),
    )


def _tally(trials: Sequence[Trial]) -> Tally:
    passes, objects, undecided, errors = (
        tuple(trial.claim for trial in trials if trial.outcome == outcome) for outcome in Outcome
    )
    seconds = float(np.median([trial.seconds for trial in trials])) if trials else float("nan")
    return Tally(passes, objects, undecided, errors, seconds)


def table(scores: Sequence[Score]) -> Iterator[str]:
    """A line for each checker, then what each lets pass and where it raises."""
    yield _cells(
        "",
        f"of {max(score.faults.asked for score in scores)} wrong gradients",
        f"of {max(score.right.asked for score in scores)} right gradients",
        "seconds a check",
        widths=(44, 45, 22),
    )
    yield _cells(
        *("checker", "caught", "layer named", "undecided", "errors"),
        *("false alarms", "at corners", "undecided", "errors"),
        *("planted", "new net", "in all"),
    )
    for score in scores:
        yield (
            _line(score)
            if score.faults.asked + score.right.asked
            else _cells(score.checker, ABSENT, widths=(14,))
        )
    for score in scores:
        yield from _names(f"{score.checker} lets pass", score.faults.passes)
        yield from _names(f"{score.checker} raises on", score.faults.errors + score.right.errors)


def _line(score: Score) -> str:
    faults, right = score.faults, score.right
    return _cells(
        *(score.checker, len(faults.objects), score.named, len(faults.undecided)),
        *(len(faults.errors), score.alarms, len(score.at_corners), len(right.undecided)),
        *(len(right.errors), f"{faults.seconds:.2f}", f"{right.seconds:.2f}"),
        f"{score.seconds:.0f}",
    )


def _cells(
    first: str,
    *cells: object,
    widths: Sequence[int] = (8, 13, 11, 8, 14, 12, 11, 8, 9, 9, 8),
) -> str:
    return f"{first:<32}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def _names(words: str, claims: Sequence[str]) -> Iterator[str]:
    if claims:
        names = [claim.split(":")[0] for claim in claims]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{words}: {', '.join(names[:SHOWN])}{more}"
