"""Which members one program trains, and what can't be trained."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.training.checks import check_length, check_rows, check_selection
from fnn.training.lone_values import warn_of_lone_values
from fnn.training.program.epoch import Plan


def groups(members: Sequence[Member]) -> list[list[int]]:
    """The numbers of members whose runs have one structure, so that one program trains them."""
    runs = {id(member.run): member.run for member in members}
    structures = {key: jax.tree.structure(run) for key, run in runs.items()}
    numbers: dict[jax.tree_util.PyTreeDef, list[int]] = {}
    for index, member in enumerate(members):
        numbers.setdefault(structures[id(member.run)], []).append(index)
    return list(numbers.values())


def check_members(
    members: Sequence[Member], rows: Batch, validation: Batch | None, epochs: int
) -> None:
    """Raises for what can't be trained, before anything is compiled."""
    if not members:
        raise SpecError("expected at least one member, got none", "members")
    for argument, batch in {"rows": rows, "validation": validation}.items():
        if batch is not None and not isinstance(batch, Batch):
            raise SpecError(
                f"expected a fnn.Batch in memory, which members share, got {type(batch).__name__}",
                argument,
            )
    for numbers in groups(members):
        run = members[numbers[0]].run
        for argument, batch in {"rows": rows, "validation": validation}.items():
            if batch is not None:
                check_rows(run.objective, batch, argument)
        check_selection(run, validation is not None, epochs)
        plan = Plan.of(run, len(rows.target))
        check_length(epochs, plan)
        warn_of_lone_values(run, rows.x, plan)
