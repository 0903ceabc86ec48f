"""Data files that are read whole: how large they may be, packed and unpacked, and what is damaged.

A file may have 8 GiB (`fnn.files.DATA_LIMIT`). What is compressed, gzip or an entry of an .npz,
may expand to 256 MiB or to 200 times its size, whichever is more: real data rarely expands ten
times, and a file made to fill memory up to a thousand times. Unpacked by hand, it is read.
"""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

import numpy as np

from fnn.data.errors import DataError
from fnn.files import DATA_LIMIT, check_regular, read_bytes
from fnn.spec import FnnError

EXPANDED, RATIO = 2**28, 200
"""bytes that a compressed file may always expand to, and how many times its size"""
DAMAGE = (
    ValueError,  # UnicodeError among them
    OSError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    MemoryError,  # a header that asks for more than there is
    SyntaxError,  # a dtype that NumPy can't parse
    TokenError,
    RecursionError,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # an encrypted entry
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)
"""what NumPy and zipfile raise for files that are damaged, or made to be"""


def read_whole(path: Path) -> bytes:
    """The bytes of a data file as they are.

    Raises `DataError` where it can't be read, is too large, or no regular file.
    """
    try:
        return read_bytes(path, DATA_LIMIT)
    except FnnError as error:
        raise _as_data_error(error, path) from error


def is_gzip(raw: bytes) -> bool:
    """Whether bytes are a gzip file's."""
    return raw.startswith(b"\x1f\x8b")


def expanded(raw: bytes, path: Path) -> bytes:
    """What a gzip file holds. Raises `DataError` where it is damaged or expands beyond measure."""
    limit = max(EXPANDED, RATIO * len(raw))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(limit + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile, MemoryError) as error:
        raise DataError(f"damaged gzip data: {error}", str(path)) from error
    if len(content) > limit:
        raise DataError(_too_much(len(raw), limit), str(path))
    return content


def _too_much(packed: int, limit: int) -> str:
    return (
        f"{packed:,} bytes expand to more than {limit:,}: if it is meant to, unpack it, and give "
        "what comes out"
    )


@contextmanager
def numpy_errors(path: Path, what: str) -> Iterator[None]:
    """Inside, NumPy reads `path`: what it raises becomes a `DataError` with `what` and the path."""
    try:
        check_regular(path)
    except FnnError as error:
        raise _as_data_error(error, path) from error
    try:
        yield
    except FnnError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"cannot be read: {error.strerror}", str(path)) from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{what} can be read from it: {reason[:200]}", str(path)) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file by name, or the one of an .npy file under x.

    Raises `DataError` for a damaged file, Python objects, encrypted entries, unknown compressions,
    and entries that expand beyond measure.
    """
    with numpy_errors(path, "no arrays of numbers"), path.open("rb") as file:
        check_regular(path, DATA_LIMIT)
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        packed = path.stat().st_size
        limit = max(EXPANDED, RATIO * packed)
        if sum(entry.file_size for entry in loaded.zip.infolist()) > limit:
            raise DataError(_too_much(packed, limit), str(path))
        arrays = {key: loaded[key] for key in loaded.files}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"the entry {key} is no array", str(path))
    return arrays


def _as_data_error(error: FnnError, path: Path) -> DataError:
    message = error.message
    if "folder, not a file" in message:
        message = "expected a file, got a folder"
    elif isinstance(error.__cause__, OSError):
        message = f"cannot be read: {error.__cause__.strerror or message}"
    return DataError(message, str(path))
