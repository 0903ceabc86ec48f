"""The IDX format of the MNIST files: a magic number, big-endian sizes, then the values.

    00 00 <type> <ndim>   <size> × ndim, 4 bytes each   values in row-major order

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", "File formats".
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from fnn.data.errors import DataError
from fnn.data.sources.whole_files import expanded, is_gzip, read_whole

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path, shape: tuple[int | None, ...], dtype: DTypeLike = np.uint8) -> np.ndarray:
    """The array in an IDX file, plain or gzip-compressed; None in `shape` stands for any size.

    Errors name the file, what was expected and what was read: no gzip, a wrong magic number, values
    that are missing or left over, another shape or type.
    """
    content = _read_content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        raise DataError(
            "not an IDX file: expected it to begin with 00 00, a type and a number of dimensions, "
            f"got {_first_bytes(content)}",
            str(path),
        )
    stored_dtype, ndim = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise DataError(
            f"truncated: expected {ndim} sizes in a header of {start} bytes, got {len(content)}",
            str(path),
        )
    sizes = tuple(np.frombuffer(content, ">u4", ndim, offset=4).tolist())
    if stored_dtype != np.dtype(dtype).newbyteorder(">") or not _matches(sizes, shape):
        expected_shape = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(
            f"expected {np.dtype(dtype).name} of shape ({expected_shape}), "
            f"got {stored_dtype.name} of {sizes}",
            str(path),
        )
    expected, received = math.prod(sizes) * stored_dtype.itemsize, len(content) - start
    if received != expected:
        what = "truncated" if received < expected else "too long"
        raise DataError(
            f"{what}: its sizes {sizes} ask for {expected} bytes of values, got {received}",
            str(path),
        )
    values = np.frombuffer(content, stored_dtype, offset=start).reshape(sizes)
    return values.astype(stored_dtype.newbyteorder("="), copy=False)


def _read_content(path: Path) -> bytes:
    """The bytes of a file, decompressed where they are gzip, whatever its name."""
    raw = read_whole(path)
    if is_gzip(raw):
        return expanded(raw, path)
    if path.suffix == ".gz" and not raw.startswith(b"\0\0"):
        raise DataError(
            f"not gzip: expected it to begin with 1f 8b, got {_first_bytes(raw)}", str(path)
        )
    return raw


def _first_bytes(content: bytes) -> str:
    """The first bytes, as an error shows them."""
    return f"{content[:4].hex(' ')} ({content[:16]!r})" if content else "an empty file"


def _matches(sizes: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(sizes) == len(shape) and all(
        want is None or want == size for size, want in zip(sizes, shape, strict=True)
    )
