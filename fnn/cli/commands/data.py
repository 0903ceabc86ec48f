"""fnn data: what there is, fetching it, looking into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional, arg, subcommand

from fnn.cli.options.data import DataDir, DataOptions
from fnn.cli.options.option import option, word


@dataclass(frozen=True)
class DataListCommand:
    """The data sets that go by a name, and which of them are here."""

    data_dir: DataDir = None
    """Where mnist and fashion-mnist lie."""

    def run(self) -> int:
        """Print the table."""
        from fnn.data import catalog

        print(f"{'name':<14} {'task':<12} {'rows':>15} {'inputs':>7}  where")
        for entry in catalog(self.data_dir):
            print(
                f"{entry.name:<14} {entry.task:<12} {entry.rows:>15} {entry.inputs:>7}  "
                f"{entry.where}"
            )
        return 0


@dataclass(frozen=True)
class DataGetCommand:
    """Fetch mnist or fashion-mnist: four files, checked by their SHA-256."""

    name: Annotated[Positional[str], word("NAME")]
    """mnist or fashion-mnist."""
    data_dir: DataDir = None
    """The folder to put it in."""
    url: Annotated[str | None, option("URL")] = None
    """Another address of the folder that holds the four files."""

    def run(self) -> int:
        """Fetch, and say where it is."""
        from fnn.data import get

        print(f"{self.name} is in {get(self.name, self.data_dir, self.url)}")
        return 0


@dataclass(frozen=True)
class DataDescribeCommand:
    """Columns, ranges, missing values and classes of a data set or file."""

    name: Annotated[Positional[str], word("DATA")]
    """A data set's name, or a file."""
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)

    def run(self) -> int:
        """Print the table."""
        from fnn.data import describe

        print(describe(self.file.load(self.name)))
        return 0


@dataclass(frozen=True)
class DataCommand:
    """List, fetch and describe data."""

    action: Annotated[
        OmitSubcommandPrefixes[
            Annotated[DataListCommand, subcommand("list")]
            | Annotated[DataGetCommand, subcommand("get")]
            | Annotated[DataDescribeCommand, subcommand("describe")]
        ],
        arg(name=""),
    ]

    def run(self) -> int:
        """Do what was asked for."""
        return self.action.run()
