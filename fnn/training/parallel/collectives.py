"""Collectives among the processes of a run: all have to make the same calls, at the same steps."""

from __future__ import annotations

import zlib

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from fnn.layer import PyTree
from fnn.spec import FnnError


def allgather_int(value: int, mesh: Mesh | None) -> list[int]:
    """The value of each process, all of which have to call; only `value` for a mesh of one."""
    if mesh is None or not mesh.is_multi_process:
        return [value]
    values = multihost_utils.process_allgather(np.asarray(value, np.int32))
    return [int(number) for number in values]


def is_primary(mesh: Mesh | None) -> bool:
    """Whether this process writes for all that share the mesh."""
    return mesh is None or not mesh.is_multi_process or is_primary_process()


def is_primary_process() -> bool:
    """Whether this process is the one that prints and records: of several, the first."""
    return jax.process_index() == 0


def broadcast_text(text: str) -> str:
    """The text of process 0 on every process, all of which have to call."""
    encoded = np.frombuffer(text.encode(), np.uint8)
    length = int(multihost_utils.broadcast_one_to_all(np.asarray(len(encoded), np.int32)))
    received = multihost_utils.broadcast_one_to_all(np.resize(encoded, length))
    return bytes(np.asarray(received, np.uint8)).decode()


def check_same(tree: PyTree, mesh: Mesh | None) -> None:
    """Raises `FnnError` where the arrays and numbers of a tree are not those of process 0."""
    if mesh is None or not mesh.is_multi_process:
        return
    digest = 0
    for leaf in map(np.asarray, jax.tree.leaves(tree)):
        digest = zlib.crc32(f"{leaf.shape} {leaf.dtype}".encode(), digest)
        digest = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).data, digest)
    digests = allgather_int(digest >> 1, mesh)
    other = [number for number, own in enumerate(digests) if own != digests[0]]
    if other:
        raise FnnError(
            f"process {other[0]} was given another run or other rows than process 0: all must be "
            "started with the same arguments and the same data"
        )
