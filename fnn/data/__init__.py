"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name or file, or make one `from_arrays` or `from_frame`: it holds raw values
in their own units. `prepare` splits it, fits a `Preprocessing` to the training rows and encodes
all.
"""

from fnn.data.arrays import from_arrays
from fnn.data.dataset import DataRows, Dataset
from fnn.data.describe import describe
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
