"""fnn runs: a table of past runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from fnn.cli.options.option import option
from fnn.spec.errors import FnnError, error_path


@dataclass(frozen=True)
class RunsCommand:
    """The runs in a folder: data, status, metrics, time."""

    folder: Annotated[Positional[str], option("[FOLDER]")] = "runs"
    """The folder that holds the runs' folders."""
    sort: Annotated[str, option("COLUMN")] = "started"
    """name, data, status, epochs, best, metric, validation, test, parameters, seconds, started."""
    reverse: Annotated[bool, option()] = False
    """The largest or latest first."""

    def run(self) -> int:
        """Print the table."""
        from fnn.runs import list_runs, table

        if self.folder != RunsCommand.folder and not Path(self.folder).exists():
            raise FnnError("there is no such folder", self.folder)
        runs = list_runs(self.folder)
        with error_path("--sort"):
            lines = table(runs, self.sort, self.reverse)  # names an unknown column
        print(lines if runs else f"no runs yet in {self.folder}")
        return 0
