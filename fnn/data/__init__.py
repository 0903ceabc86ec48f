"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name or file, or make one `from_arrays` or `from_frame`: it holds raw values
in their own units. `prepare` splits it, fits a `Preprocessing` to the training rows and encodes
all.
"""

from fnn.data.arrays import from_arrays
from fnn.data.catalogue import Entry, catalogue
from fnn.data.dataset import Dataset, Rows
from fnn.data.describe import describe
from fnn.data.download import get
from fnn.data.errors import DataError
from fnn.data.frames import from_frame
from fnn.data.idx import read_idx
from fnn.data.prediction import read_inputs, read_rows
from fnn.data.prepare import Prepared, prepare
from fnn.data.preprocessing import Preprocessing
from fnn.data.scaling import Standardizer
from fnn.data.sources import NAMES, load
from fnn.data.splits import Split, split
from fnn.data.table import Table

__all__ = [
    "NAMES",
    "DataError",
    "Dataset",
    "Entry",
    "Prepared",
    "Preprocessing",
    "Rows",
    "Split",
    "Standardizer",
    "Table",
    "catalogue",
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
