"""MNIST and its drop-in replacements: four IDX files, 28 × 28 pixels, ten classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError
from fnn.data.sources.idx import read_idx
from fnn.files import expanded

GARMENTS = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
CLASSES = {"fashion-mnist": tuple(GARMENTS.split(",")), "mnist": tuple("0123456789")}
IMAGES = tuple(CLASSES)
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def images(name: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """The set of that name from `folder(data_dir)/name` or from that folder itself.

    Pixels are uint8, a row (784,), to be divided by 255; the official test part is separate. The
    files may be gzip-compressed (`.gz`) or not. Errors: files that are missing (with the folders
    looked in), damaged, or not of one length.
    """
    root = folder(data_dir)
    files = find_files(name, root)
    if files is None:
        raise DataError(_missing(name, root))
    train_x, train_target, test_x, test_target = files
    train, test = _part(train_x, train_target), _part(test_x, test_target)
    return Dataset(name, *train, CLASSES[name], test, divisor=255.0)


def read_images(path: Path) -> np.ndarray:
    """The pixels of an IDX file of images 28 × 28, uint8 (n, 784)."""
    return read_idx(path, (None, 28, 28)).reshape(-1, 28 * 28)


def folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """The folder of data: the argument, else `$FNN_DATA_DIR`, else `~/.cache/fnn/data`."""
    if data_dir or (data_dir := os.environ.get("FNN_DATA_DIR")):
        return expanded(data_dir)
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "fnn" / "data"


def candidate_folders(name: str, root: Path) -> list[Path]:
    """The folders that may hold the set's files, in the order of preference."""
    if root.name not in IMAGES or root.name == name:  # the files of another set look the same
        return [root / name, root]
    return [root / name]


def find_files(name: str, root: Path) -> list[Path] | None:
    """The set's four files, from the first folder that has all of them; None where none has."""
    for location in candidate_folders(name, root):
        present = [path for path in (_existing_file(location / file) for file in FILES) if path]
        if len(present) == len(FILES):
            return present
    return None


def _missing(name: str, root: Path) -> str:
    """The text of the error: which files, the folders searched, and both ways to provide them."""
    searched = []
    for location in candidate_folders(name, root):
        missing = [f"{file}.gz" for file in FILES if not _existing_file(location / file)]
        reason = f"no {', '.join(missing)}" if len(missing) < len(FILES) else "none of them"
        searched.append(f"{location}: {reason if location.is_dir() else 'no such folder'}")
    return (
        f"{name} was not found. Its four files, compressed (.gz) or not, are\n"
        + "".join(f"  {file}.gz\n" for file in FILES)
        + "Looked in\n"
        + "".join(f"  {line}\n" for line in searched)
        + f"Fetch them with: fnn data get {name}\n"
        + f"or put them into {candidate_folders(name, root)[0]}, or say which folder they are in: "
        "--data-dir DIR, or FNN_DATA_DIR=DIR in the environment."
    )


def _existing_file(path: Path) -> Path | None:
    """The file compressed or unpacked, whichever is there."""
    compressed = path.with_name(f"{path.name}.gz")
    return next((file for file in (compressed, path) if file.is_file()), None)


def _part(image_file: Path, label_file: Path) -> DataRows:
    pixels = read_images(image_file)
    labels = read_idx(label_file, (None,))
    if len(pixels) != len(labels):
        raise DataError(
            f"expected a label for each of the {len(pixels)} images of {image_file.name}, "
            f"got {len(labels)}",
            str(label_file),
        )
    return DataRows(pixels, labels.astype(np.int32))
