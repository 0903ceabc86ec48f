"""Who takes part: names, and where each is written. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """In whose name a contestant runs."""

    OURS = "ours"
    FRAMEWORK = "framework"
    LIBRARY = "library"
    """no framework of networks, but what a user could take instead"""
    YARDSTICK = "yardstick"
    """nobody's competitor: what one could reach"""


class Entry(NamedTuple):
    """A contestant."""

    title: str
    place: str
    """`module:Class` in this folder"""
    kind: Kind
    slow: bool = True
    """every step passes through Python"""
    peer: bool = True
    """needs the peers' environment"""
    not_in: tuple[str, ...] = ()
    """works that it has no means for"""


OURS = "fnn"
ENTRIES = {
    OURS: Entry("fnn", "fnn_engine:Engine", Kind.OURS, slow=False, peer=False),
    "fit": Entry(
        "fnn.fit, whole calls", "fnn_engine:WholeCalls", Kind.OURS, False, False, ("predict",)
    ),
    "bare": Entry("bare lax.scan", "bare_scan:BareScan", Kind.YARDSTICK, slow=False, peer=False),
    "keras": Entry("Keras on JAX", "keras_on_jax:Keras", Kind.FRAMEWORK),
    "keras-steps": Entry(
        "Keras, steps_per_execution", "keras_on_jax:ManySteps", Kind.FRAMEWORK, not_in=("predict",)
    ),
    "flax": Entry("Flax NNX", "flax_nnx:Flax", Kind.FRAMEWORK),
    "flax-tree": Entry(
        "Flax NNX, jit_partial", "flax_nnx:FlaxTree", Kind.FRAMEWORK, not_in=("predict",)
    ),
    "equinox": Entry("Equinox", "equinox_steps:Equinox", Kind.FRAMEWORK),
    "torch": Entry("PyTorch", "torch_eager:Torch", Kind.FRAMEWORK),
    "torch-compile": Entry("PyTorch, torch.compile", "torch_eager:Compiled", Kind.FRAMEWORK),
    "scikit": Entry(
        "scikit-learn", "scikit_learn:Scikit", Kind.LIBRARY, peer=False, not_in=("dropout",)
    ),
    "numpy": Entry("NumPy by hand", "numpy_by_hand:ByHand", Kind.LIBRARY, slow=False, peer=False),
    "floor": Entry(
        "floor: its matrix products", "blas_floor:Floor", Kind.YARDSTICK, slow=False, peer=False
    ),
}
TITLES = {name: entry.title for name, entry in ENTRIES.items()} | {
    "command": "fnn train, a command"
}
"""how tables call them, and the command of `whole`"""


def entries(names: Iterable[str], work: str) -> dict[str, Entry]:
    """Those of the names that have the means for a work, fnn first."""
    wanted = {OURS, *names}
    return {
        name: entry
        for name, entry in ENTRIES.items()
        if name in wanted and work not in entry.not_in
    }
