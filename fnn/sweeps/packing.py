"""How many members are trained at a time: as many as the compiled program fits into memory."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.sweeps.memory import format_bytes, needed
from fnn.sweeps.program import Program, SweepData, shares_order, stack
from fnn.training.parallel.collectives import allgather_int
from fnn.training.parallel.sharding import round_up_to_devices


def largest_size(members: Sequence[Member], data: SweepData, budget: int) -> int:
    """The largest number of these members, which have one structure, that fits into `budget` bytes.

    A program for all of them is compiled, and is the one that runs if its own memory analysis says
    that it fits; if not, what it says of a member decides. Raises `SpecError` where not even one
    fits. Where data lie on a mesh, `budget` is each device's, and the number can be divided.
    """
    least = round_up_to_devices(1, data.mesh)
    size = round_up_to_devices(len(members), data.mesh)
    filled = [*members, *[members[-1]] * (size - len(members))]
    fixed = sum(leaf.nbytes for leaf in jax.tree.leaves(data))
    while (total := _needed(filled[:size], data)) > budget:
        each = (total - fixed) / size
        size = min(int((budget - fixed) / each), size - 1) // least * least
        if size < 1:
            raise SpecError(
                f"one member needs about {format_bytes(fixed + each * least)} with its data, and "
                f"{format_bytes(budget)} may be used",
                "memory",
            )
    return min(allgather_int(size, data.mesh))


def balanced_size(count: int, size: int) -> int:
    """The size of chunks that are as equal as can be, none larger than `size`."""
    return -(-count // -(-count // size))


def _needed(members: Sequence[Member], data: SweepData) -> int:
    program = Program(data, len(members), shares_order(members))
    runs = stack([member.run for member in members])
    return needed(program.lower(runs, program.shapes(runs)).compile(), program.lanes)
