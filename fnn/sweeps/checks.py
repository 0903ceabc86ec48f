"""Which members one program trains, and what can't be trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.training.checks import check_length, check_rows, check_selection
from fnn.training.program.epoch import Plan


def groups(members: Sequence[Member]) -> list[list[int]]:
    """The numbers of members whose runs have one structure, so that one program trains them."""
    runs = {id(member.run): member.run for member in members}
    structures = {key: jax.tree.structure(run) for key, run in runs.items()}
    found: dict[Any, list[int]] = {}
    for index, member in enumerate(members):
        found.setdefault(structures[id(member.run)], []).append(index)
    return list(found.values())


def check_members(
    members: Sequence[Member], rows: Batch, validation: Batch | None, epochs: int
) -> None:
    """What can't be trained is said before anything is compiled."""
    if not members:
        raise SpecError("expected at least one member, got none", "members")
    for place, given in {"rows": rows, "validation": validation}.items():
        if given is not None and not isinstance(given, Batch):
            raise SpecError(
                f"expected a fnn.Batch in memory, which members share, got {type(given).__name__}",
                place,
            )
    for numbers in groups(members):
        run = members[numbers[0]].run
        for place, given in {"rows": rows, "validation": validation}.items():
            if given is not None:
                check_rows(run.objective, given, place)
        check_selection(run, validation is not None, epochs)
        check_length(epochs, Plan.of(run, len(rows.target)))
