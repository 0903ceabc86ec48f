"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name, take its `parts`, and fit a `Standardizer` to the training rows.
"""

from fnn.data.dataset import Dataset, Part, Parts
from fnn.data.errors import DataError
from fnn.data.idx import read_idx
from fnn.data.sources import NAMES, load
from fnn.data.splits import Split, parts, split
from fnn.data.standardize import Standardizer

__all__ = [
    "NAMES",
    "DataError",
    "Dataset",
    "Part",
    "Parts",
    "Split",
    "Standardizer",
    "load",
    "parts",
    "read_idx",
    "split",
]
