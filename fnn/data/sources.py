"""Datasets by name."""

from __future__ import annotations

import os

from fnn.data.bundled import BUNDLED, bundled
from fnn.data.dataset import Dataset
from fnn.data.errors import DataError
from fnn.data.images import IMAGES, images
from fnn.spec import choice

NAMES = tuple(sorted(BUNDLED + IMAGES))


def load(name: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """The dataset of that name (one of `NAMES`); `data_dir` is where files are looked for.

    Errors: an unknown name (with the nearest known one), missing or damaged files.
    """
    if name in BUNDLED:
        return bundled(name)
    if name in IMAGES:
        return images(name, data_dir)
    raise DataError(f"unknown data {name!r}{choice(name, NAMES)}")
