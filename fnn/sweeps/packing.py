"""How many members are trained at a time: as many as the compiled program fits into memory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import jax
from jax.sharding import Mesh

from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.sweeps.program import Program, SweepData, shares_order, stack
from fnn.training.parallel.collectives import allgather_int
from fnn.training.parallel.sharding import round_up_to_devices

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SHARE = 0.5
"""of what is free that a sweep takes unasked"""


def largest_size(members: Sequence[Member], data: SweepData, budget: int) -> int:
    """The largest number of these members, which have one structure, that fits into `budget` bytes.

    A program for all of them is compiled, and is the one that runs if it fits by its own
    memory analysis; if not, its bytes for each member decide. Raises `SpecError` where not even one
    fits. Where data lie on a mesh, `budget` is each device's, and the number can be divided.
    """
    least = round_up_to_devices(1, data.mesh)
    size = round_up_to_devices(len(members), data.mesh)
    filled = [*members, *[members[-1]] * (size - len(members))]
    fixed = sum(leaf.nbytes for leaf in jax.tree.leaves(data))
    while (total := bytes_needed(filled[:size], data)) > budget:
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
    """The size of batches that are as equal as can be, none larger than `size`."""
    return -(-count // -(-count // size))


def bytes_needed(members: Sequence[Member], data: SweepData) -> int:
    """Bytes that the program of these members holds: what goes in, comes out, and lies between.

    What goes in is shared by the threads that run it side by side.
    """
    program = Program(data, len(members), shares_order(members))
    runs = stack([member.run for member in members])
    analysis = program.lower(runs, program.shapes(runs)).compile().memory_analysis()
    assert analysis is not None
    return int(
        analysis.argument_size_in_bytes
        + program.threads * (analysis.output_size_in_bytes + analysis.temp_size_in_bytes)
        - analysis.alias_size_in_bytes
    )


def budget(memory: int | float | str | None, mesh: Mesh | None = None) -> int:
    """Bytes from a number, from words such as "2GB", or half of what is free for None.

    On a mesh they are each device's: what is free in the machine is shared among those of a CPU.
    """
    if memory is None:
        sharing = 1 if mesh is None or jax.default_backend() != "cpu" else mesh.size
        return int(SHARE * available() / sharing)
    if isinstance(memory, str):
        match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([KMGT]?B)?", memory.strip().upper())
        if not match:
            raise SpecError(f"expected bytes, such as 2GB or 500MB, got {memory!r}", "memory")
        return int(float(match[1]) * UNITS[match[2] or "B"])
    if isinstance(memory, bool) or not memory > 0:
        raise SpecError(f"expected bytes above 0, got {memory!r}", "memory")
    return int(memory)


def available() -> int:
    """Bytes that are free where programs run: on the accelerator, else in the machine."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    limits = [_first_number(path, pattern) for path, pattern in _LIMITS]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


_LIMITS = (
    ("/proc/meminfo", r"MemAvailable:\s+(\d+) kB"),
    ("/sys/fs/cgroup/memory.max", r"^(\d+)$"),
)


def _first_number(path: str, pattern: str) -> int | None:
    try:
        match = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return None if match is None else int(match[1]) * (1024 if "kB" in pattern else 1)


def format_bytes(count: float) -> str:
    """Bytes for people: 1.5 GB."""
    size, unit = max((size, unit) for unit, size in UNITS.items() if count >= size or size == 1)
    return f"{count / size:.3g} {unit}"


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    message = str(error).lower().replace("_", " ")
    exhausted = "resource exhausted" in message or "out of memory" in message
    return isinstance(error, MemoryError) or exhausted
