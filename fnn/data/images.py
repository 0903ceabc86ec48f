"""MNIST and its drop-in replacements: four IDX files, 28 × 28 pixels, ten classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fnn.data.dataset import Dataset, Part
from fnn.data.errors import DataError
from fnn.data.idx import read_idx

IMAGES = ("fashion-mnist", "mnist")
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def images(name: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """The set of that name from `folder(data_dir)/name` or from that folder itself.

    Pixels are float32 in [0, 1], a row (784,); the official test part is kept apart. The files may
    be gzip-compressed (`.gz`) or not. Errors: files that are missing (with the folders looked in),
    damaged, or not of one length.
    """
    train_x, train_target, test_x, test_target = _find(name, folder(data_dir))
    train, test = _part(train_x, train_target), _part(test_x, test_target)
    return Dataset(name, *train, 10, *test, pixels=True)


def folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where data lies: the argument, else `$FNN_DATA_DIR`, else `~/.cache/fnn/data`."""
    if data_dir or (data_dir := os.environ.get("FNN_DATA_DIR")):
        return Path(data_dir).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fnn" / "data"


def _find(name: str, root: Path) -> list[Path]:
    """The four files, all from one folder: the first that has them."""
    places = [root / name]
    if root.name not in IMAGES or root.name == name:  # the files of another set look the same
        places.append(root)
    looked = []
    for place in places:
        found = [_either(place / file) for file in FILES]
        present = [path for path in found if path]
        if len(present) == len(FILES):
            return present
        missing = [f"{file}.gz" for file, path in zip(FILES, found, strict=True) if not path]
        fault = f"no {', '.join(missing)}" if present else "none of them"
        looked.append(f"{place}: {fault if place.is_dir() else 'no such folder'}")
    raise DataError(
        f"{name} was not found. Its four files, compressed (.gz) or not, are\n"
        + "".join(f"  {file}.gz\n" for file in FILES)
        + "Looked in\n"
        + "".join(f"  {line}\n" for line in looked)
        + f"Put them into {places[0]}, or say which folder they are in: "
        "--data-dir DIR, or FNN_DATA_DIR=DIR in the environment."
    )


def _either(path: Path) -> Path | None:
    """The file compressed or unpacked, whichever is there."""
    compressed = path.with_name(f"{path.name}.gz")
    return next((file for file in (compressed, path) if file.is_file()), None)


def _part(image_file: Path, label_file: Path) -> Part:
    pixels = read_idx(image_file, (None, 28, 28))
    labels = read_idx(label_file, (None,))
    if len(pixels) != len(labels):
        raise DataError(
            f"expected a label for each of the {len(pixels)} images of {image_file.name}, "
            f"got {len(labels)}",
            str(label_file),
        )
    x = np.divide(pixels.reshape(-1, 28 * 28), 255, dtype=np.float32)
    return Part(x, labels.astype(np.int32))
