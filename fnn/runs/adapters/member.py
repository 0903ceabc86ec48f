"""The result.json of a member of a sweep that is recorded as a run."""

from __future__ import annotations

from typing import TypedDict

from fnn.runs.folder import RunFolder
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.test_protocol import validation_metrics


class MemberFields(TypedDict):
    """Entries of a result.json."""

    epochs: int
    best_epoch: int | None
    validation: dict[str, float] | None
    selected_by: str | None
    settings: dict[str, object] | None


def member_fields(best: MemberResult | None) -> MemberFields:
    """Those of a member; empty ones where no member has a finite value (None)."""
    if best is None:
        return MemberFields(
            epochs=0, best_epoch=None, validation=None, selected_by=None, settings=None
        )
    selection = best.member.run.selection
    return MemberFields(
        epochs=best.epochs,
        best_epoch=best.best_epoch,
        validation=validation_metrics(best.values),
        selected_by=None if selection is None else selection.metric,
        settings=best.member.settings,
    )


def status_of(best: MemberResult | None) -> str:
    """How a member ended; the best member of halving may have been retired before the last rung."""
    return "diverged" if best is None else best.status.replace("retired", "finished")


def write_member_result(folder: RunFolder, best: MemberResult, metric: str) -> None:
    """The result.json of a member that was not measured on test rows."""
    folder.write_result(
        best.status, metric=metric, test=None, test_rows=0, seconds=None, **member_fields(best)
    )
