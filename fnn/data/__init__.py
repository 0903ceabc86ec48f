"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name or file, or make one `from_arrays` or `from_frame`: it holds raw values
in their own units. `prepare` splits it, fits a `Preprocessing` to the training rows and encodes
all.

Names are imported when they are first asked for: what only lists or reads data needs no JAX.
"""

from typing import TYPE_CHECKING

from fnn.lazy import lazy_names

if TYPE_CHECKING:
    from fnn.data.arrays import from_arrays
    from fnn.data.dataset import DataRows, Dataset
    from fnn.data.description import describe
    from fnn.data.errors import DataError
    from fnn.data.loading import NAMES, load
    from fnn.data.prediction import read_inputs, read_rows
    from fnn.data.preprocessing.prepare import Prepared, prepare
    from fnn.data.preprocessing.preprocessing import Preprocessing
    from fnn.data.preprocessing.scaling import Standardizer
    from fnn.data.sources.catalog import Entry, catalog
    from fnn.data.sources.download import get
    from fnn.data.sources.idx import read_idx
    from fnn.data.splits import Split, split
    from fnn.data.tables.frames import from_frame
    from fnn.data.tables.table import Table
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "arrays": ("from_arrays",),
            "dataset": ("DataRows", "Dataset"),
            "description": ("describe",),
            "errors": ("DataError",),
            "loading": ("NAMES", "load"),
            "prediction": ("read_inputs", "read_rows"),
            "preprocessing.prepare": ("Prepared", "prepare"),
            "preprocessing.preprocessing": ("Preprocessing",),
            "preprocessing.scaling": ("Standardizer",),
            "sources.catalog": ("Entry", "catalog"),
            "sources.download": ("get",),
            "sources.idx": ("read_idx",),
            "splits": ("Split", "split"),
            "tables.frames": ("from_frame",),
            "tables.table": ("Table",),
        },
    )

__all__ = [
    "NAMES",
    "DataError",
    "DataRows",
    "Dataset",
    "Entry",
    "Prepared",
    "Preprocessing",
    "Split",
    "Standardizer",
    "Table",
    "catalog",
    "describe",
    "from_arrays",
    "from_frame",
    "get",
    "load",
    "prepare",
    "read_idx",
    "read_inputs",
    "read_rows",
    "split",
]
