"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name or file, or make one `from_arrays` or `from_frame`: it holds raw values
in their own units. `prepare` splits it, fits a `Preprocessing` to the training rows and encodes
all.
"""

from fnn.data.arrays import from_arrays as from_arrays
from fnn.data.dataset import DataRows as DataRows
from fnn.data.dataset import Dataset as Dataset
from fnn.data.describe import describe as describe
from fnn.data.errors import DataError as DataError
from fnn.data.loading import NAMES as NAMES
from fnn.data.loading import load as load
from fnn.data.prediction import read_inputs as read_inputs
from fnn.data.prediction import read_rows as read_rows
from fnn.data.preprocessing.prepare import Prepared as Prepared
from fnn.data.preprocessing.prepare import prepare as prepare
from fnn.data.preprocessing.preprocessing import Preprocessing as Preprocessing
from fnn.data.preprocessing.scaling import Standardizer as Standardizer
from fnn.data.sources.catalog import Entry as Entry
from fnn.data.sources.catalog import catalog as catalog
from fnn.data.sources.download import get as get
from fnn.data.sources.idx import read_idx as read_idx
from fnn.data.splits import Split as Split
from fnn.data.splits import split as split
from fnn.data.tables.frames import from_frame as from_frame
from fnn.data.tables.table import Table as Table

__all__: list[str]
