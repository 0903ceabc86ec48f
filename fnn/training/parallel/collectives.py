"""What the processes of a run agree on: all have to make the same calls, at the same steps."""

from __future__ import annotations

import zlib
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from fnn.spec import FnnError


def allgather_int(value: int, mesh: Mesh | None) -> list[int]:
    """What each process says, all of which have to ask; only `value` where one has the mesh."""
    if mesh is None or not mesh.is_multi_process:
        return [value]
    told = multihost_utils.process_allgather(np.asarray(value, np.int32))
    return [int(number) for number in told]


def is_primary(mesh: Mesh | None) -> bool:
    """Whether this process writes for all that share the mesh."""
    return mesh is None or not mesh.is_multi_process or jax.process_index() == 0


def broadcast_text(words: str) -> str:
    """What process 0 says, as all processes hear it, who have to ask."""
    spoken = np.frombuffer(words.encode(), np.uint8)
    length = int(multihost_utils.broadcast_one_to_all(np.asarray(len(spoken), np.int32)))
    heard = multihost_utils.broadcast_one_to_all(np.resize(spoken, length))
    return bytes(np.asarray(heard, np.uint8)).decode()


def check_same(given: Any, mesh: Mesh | None) -> None:
    """Raises `FnnError` where the arrays and numbers in `given` are not those of process 0."""
    if mesh is None or not mesh.is_multi_process:
        return
    digest = 0
    for leaf in map(np.asarray, jax.tree.leaves(given)):
        digest = zlib.crc32(f"{leaf.shape} {leaf.dtype}".encode(), digest)
        digest = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).data, digest)
    digests = allgather_int(digest >> 1, mesh)
    other = [number for number, told in enumerate(digests) if told != digests[0]]
    if other:
        raise FnnError(
            f"process {other[0]} was given another run or other rows than process 0: all must be "
            "started with the same arguments and the same data"
        )
