"""What a sweep keeps in files: arrays by name, and pytrees by the paths of their leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from jax.typing import ArrayLike

from fnn import checkpoint
from fnn.checkpoint.leaves import from_arrays, to_arrays
from fnn.checkpoint.manifest import remove
from fnn.files import field
from fnn.spec import FnnError
from fnn.sweeps.npz import from_numbered, read_npz

T = TypeVar("T")
OLD = ".npz"
"""the suffix of what fnn 0.2.0 wrote, in place of .json"""


class Stored:
    """What was read of one file, by name. What it lacks is an `FnnError` that says what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self.arrays = read_npz(path) if path.suffix == OLD else _in_order(checkpoint.read(path))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FnnError as error:
            error.path = error.path or str(self.path)
            error.message += f": delete {self.path.name}, and what it holds is trained again"
            raise

    def __contains__(self, prefix: str) -> bool:
        """Whether names start so."""
        return any(name.startswith(prefix) for name in self.arrays)

    def entry(self, name: str) -> np.ndarray:
        """An array by name."""
        with self._explained():
            if name not in self.arrays:
                raise FnnError(f"damaged: the array {name!r} is missing")
            return self.arrays[name]

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """Copies of the arrays whose names start so, by the rest of the name."""
        return {
            name[len(prefix) :]: leaf.copy()
            for name, leaf in self.arrays.items()
            if name.startswith(prefix)
        }

    def tree(self, prefix: str, like: T, *, on_host: bool = True) -> T:
        """The pytree whose leaves have that prefix, in the shapes and dtypes of `like`."""
        with self._explained():
            if self.path.suffix == OLD:
                return from_numbered(self.arrays, like, prefix)
            return from_arrays(self.arrays, like, prefix, on_host=on_host)


def _in_order(read: checkpoint.Checkpoint) -> dict[str, np.ndarray]:
    """The arrays in the order in which they were given, which is that of a table's columns."""
    order = field(read.record, "order", list, read.path)
    return {name: read.arrays[name] for name in order if name in read.arrays}


def write_stored(path: Path, arrays: Mapping[str, ArrayLike | Sequence[float]]) -> None:
    """Write arrays by name as a checkpoint. Raises `FnnError` with the path; an older one stays."""
    written = {name: np.asarray(leaf) for name, leaf in arrays.items()}
    checkpoint.write(path, written, {"order": [*written]})
    path.with_suffix(OLD).unlink(missing_ok=True)


def remove_stored(path: Path) -> None:
    """Remove it, if it is there."""
    remove(path)
    path.with_suffix(OLD).unlink(missing_ok=True)


def read_stored(path: Path) -> Stored | None:
    """What is there under that name, of this version or of fnn 0.2.0; None for nothing."""
    old = path.with_suffix(OLD)
    if path.exists():
        return Stored(path)
    return Stored(old) if old.exists() else None


def named(prefix: str, tree: object) -> dict[str, np.ndarray]:
    """The leaves of a pytree on the host, by their path behind a prefix."""
    return {prefix + path: leaf for path, leaf in to_arrays(tree).items()}


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """The SHA-256 of bytes that come in parts, in hexadecimal."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def contents(leaf: ArrayLike) -> memoryview:
    """The bytes of an array."""
    return np.ascontiguousarray(leaf).data
