"""The options about data, shared by the subcommands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fnn.cli.options.option import option
from fnn.data.tables.csv_reader import MISSING
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Dataset

DataDir = Annotated[str | None, option("DIR", "$FNN_DATA_DIR, else ~/.cache/fnn/data")]


@dataclass(frozen=True)
class DataOptions:
    """How a file is read: columns by name, or by number where it has no header (-1 is the last)."""

    target: Annotated[str | None, option("COLUMN")] = None
    """The column to predict; .npz: the array."""
    task: Annotated[
        Literal["classes", "binary", "multilabel", "regression", "classification"] | None,
        option("{classes,binary,multilabel,regression}", "as the target looks"),
    ] = None
    """What to make of the target; multilabel: a matrix of 0 and 1, a label a column."""
    test: Annotated[str | None, option("FILE")] = None
    """A second file of the same columns: its rows are the test part."""
    drop: Annotated[tuple[str, ...], option("COLUMN …")] = ()
    """Columns to leave out."""
    categorical: Annotated[tuple[str, ...], option("COLUMN …")] = ()
    """Columns of numbers that are names in truth."""
    missing: Annotated[tuple[str, ...], option("WORD …")] = MISSING
    """Fields that stand for a missing value, in place of the usual ones; an empty one always
    does."""
    delimiter: Annotated[str | None, option("CHAR", "a comma; a tab in .tsv files")] = None
    """What stands between fields; tab and space by these names."""
    header: Annotated[bool, option()] = True
    """Whether the first line names the columns."""
    data_dir: DataDir = None
    """Where mnist and fashion-mnist lie."""

    def load(self, name: str) -> Dataset:
        """The data of that name or file."""
        from fnn.data import load

        return load(
            name,
            target=None if self.target is None else self._column(self.target),
            data_dir=self.data_dir,
            delimiter=self.delimiter,
            header=self.header,
            missing=self.missing,
            task=self.task,
            test=self.test,
            drop=tuple(map(self._column, self.drop)),
            categorical=tuple(map(self._column, self.categorical)),
        )

    def _column(self, name: str) -> str | int:
        """A column by name; by number, where columns have no names."""
        return int(name) if not self.header and name.lstrip("-").isdecimal() else name


@contextmanager
def data_errors(file: str) -> Iterator[None]:
    """Inside, an error about the rows of a file names the file."""
    try:
        yield
    except FnnError as error:
        if str(error).startswith(file):
            raise
        raise FnnError(str(error), file) from error
