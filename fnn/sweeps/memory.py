"""How many members fit into memory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from fnn.spec import SpecError

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SHARE = 0.5
"""of what is free that a sweep takes unasked"""


def budget(memory: int | float | str | None, mesh: Mesh | None = None) -> int:
    """Bytes from a number, from words such as "2GB", or half of what is free for None.

    On a mesh they are each device's: what is free in the machine is shared among those of a CPU.
    """
    if memory is None:
        sharing = 1 if mesh is None or jax.default_backend() != "cpu" else mesh.size
        return int(SHARE * available() / sharing)
    if isinstance(memory, str):
        found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([KMGT]?B)?", memory.strip().upper())
        if not found:
            raise SpecError(f"expected bytes, such as 2GB or 500MB, got {memory!r}", "memory")
        return int(float(found[1]) * UNITS[found[2] or "B"])
    if isinstance(memory, bool) or not memory > 0:
        raise SpecError(f"expected bytes above 0, got {memory!r}", "memory")
    return int(memory)


def available() -> int:
    """Bytes that are free where programs run: on the accelerator, else in the machine."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    found = [_first_number(path, word) for path, word in _PLACES]
    known = [value for value in found if value is not None]
    return min(known) if known else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


_PLACES = (
    ("/proc/meminfo", r"MemAvailable:\s+(\d+) kB"),
    ("/sys/fs/cgroup/memory.max", r"^(\d+)$"),
)


def _first_number(path: str, pattern: str) -> int | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return None if found is None else int(found[1]) * (1024 if "kB" in pattern else 1)


def needed(compiled: Any, times: int = 1) -> int:
    """Bytes that a compiled program holds: what goes in, comes out, and lies between.

    What goes in is shared where the program runs so many times at once.
    """
    told = compiled.memory_analysis()
    return int(
        told.argument_size_in_bytes
        + times * (told.output_size_in_bytes + told.temp_size_in_bytes)
        - told.alias_size_in_bytes
    )


def format_bytes(count: float) -> str:
    """Bytes for people: 1.5 GB."""
    size, unit = max((size, unit) for unit, size in UNITS.items() if count >= size or size == 1)
    return f"{count / size:.3g} {unit}"


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    words = str(error).lower().replace("_", " ")
    told = "resource exhausted" in words or "out of memory" in words
    return isinstance(error, MemoryError) or told
