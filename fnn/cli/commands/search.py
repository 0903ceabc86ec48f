"""fnn search: the best setting on DATA, over numbers and structure."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, UseAppendAction

from fnn.cli.commands.train import SplitOptions, TrainCommand
from fnn.cli.figures import check_figures
from fnn.cli.options.axes import SEEDS, parse_all
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import DeviceOptions, ProcessOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, typed, word
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.sweeps import Range

USUAL = (
    "learning_rate=1e-4:3e-2:log",
    "dropout=0:0.5",
    "hidden=64/128/128,64/256,128",
    "activation=relu,tanh",
)
"""what is searched where nothing is said"""

TRIALS, BATCH, ETA = 256, 32, 3


@dataclass(frozen=True)
class SearchCommand:
    """Find the best setting on DATA: many are tried, a batch of them as one program."""

    data: Annotated[Positional[str], word("DATA")]
    """What fnn train takes; all trials share its rows, which must fit into memory."""
    over: Annotated[UseAppendAction[tuple[str, ...]], option("NAME=VALUES", "the usual")] = ()
    """What is varied, and its values or range; may be repeated. NAME is an option of fnn train,
    width, depth, or a number of the run by its path. learning_rate=1e-4:1e-1:log; dropout=0:0.5;
    depth=1:3:whole; hidden=64/128,64; activation=relu,tanh. The usual: learning_rate, dropout,
    hidden and activation."""
    trials: Annotated[int | None, option("N", f"{TRIALS}; grid: all there are")] = None
    """Settings to try."""
    batch: Annotated[int | None, option("N", f"{BATCH}")] = None
    """Settings that are chosen, and trained, at a time."""
    method: Annotated[Literal["bayes", "random", "halving", "grid"], option()] = "bayes"
    """bayes: chosen by what others came to. random: at random. halving: at random, and all but the
    best third end early, again and again. grid: all there are of listed values."""
    eta: Annotated[int | None, option("N", f"{ETA}")] = None
    """Of halving: one in so many goes on."""
    metric: Annotated[str | None, option("NAME", "what --keep says")] = None
    """Find the best by this metric of the validation rows."""
    memory: Annotated[str | None, option("SIZE", "half of what is free")] = None
    """What may be used, such as 2GB: as many trials are trained at a time as fit."""
    out: Annotated[str | None, option("FOLDER", "the next free of runs/DATA-search-1, …")] = None
    """The folder to make for the search."""
    resume: Annotated[str | None, option("FOLDER")] = None
    """Go on with the search of that folder; it needs nothing else, and takes more --trials."""
    save: Annotated[bool, option()] = True
    """Keep the search in a folder."""
    figures: Annotated[bool, option()] = True
    """Draw the figures into it."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)
    training: OmitArgPrefixes[TrainingOptions] = field(default_factory=TrainingOptions)
    validation: OmitArgPrefixes[ValidationOptions] = field(default_factory=ValidationOptions)
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)
    split: OmitArgPrefixes[SplitOptions] = field(default_factory=SplitOptions)
    machine: OmitArgPrefixes[DeviceOptions] = field(default_factory=DeviceOptions)

    @property
    def single_run_options(self) -> TrainCommand:
        """The options of a single run, before anything is varied."""
        names = ("data", "network", "training", "validation", "file", "split")
        given = {name: getattr(self, name) for name in names}
        return TrainCommand(
            **given, machine=ProcessOptions(self.machine.device, self.machine.devices)
        )

    @property
    def tries(self) -> int:
        """Settings to try, where not all are listed."""
        return self.trials or TRIALS

    @property
    def at_a_time(self) -> int:
        """Settings that are chosen, and trained, at a time."""
        return self.batch or BATCH

    @property
    def axes(self) -> Mapping[str, Sequence[Any] | Range]:
        """What is varied."""
        return parse_all(self.over or USUAL)

    def run(self) -> int:
        """Search, and print what came of it."""
        from fnn.cli.output.search import print_plan
        from fnn.cli.search_keep import search_and_keep

        began = time.perf_counter()
        self._check()
        self.machine.set_up(self.training.precision == "float64")
        prepared = self.single_run_options.prepare()
        if prepared.validation is None:
            raise FnnError("leaves no validation rows, and settings are chosen by them", "--split")
        print_plan(self, prepared)
        return search_and_keep(self, prepared, began)

    def _check(self) -> None:
        """Options that need no data to be found wrong, and libraries that will be needed."""
        for name, value in (("--trials", self.trials), ("--batch", self.batch)):
            if value is not None and value < 1:
                raise FnnError(f"expected 1 or more, got {value}", name)
        if self.resume is None:  # folders of older searches hold them all
            self._check_method()
        for name in set(SEEDS) & set(self.axes):
            raise FnnError(f"a seed is luck, not a setting: give {typed(name)}", f"--over {name}")
        if self.resume and (self.out or not self.save):
            given = "--out" if self.out else "--no-save"
            raise FnnError("goes on in the folder of --resume", given)
        if self.resume and self.method == "halving":
            raise FnnError("successive halving keeps nothing to go on by: begin anew", "--resume")
        needed = {"pandas": self.save, "optuna": self.method != "halving"}
        for library in (name for name, asked in needed.items() if asked):
            if find_spec(library) is None:
                raise FnnError(f"fnn search needs {library}: pip install 'fnn[search]'")
        if self.save and self.figures:
            check_figures()

    def _check_method(self) -> None:
        """Options that the method has no use for."""
        if self.method == "grid" and self.trials is not None:
            raise FnnError("grid tries all there are: leave it out, or --method random", "--trials")
        if self.method == "halving" and self.batch is not None:
            raise FnnError("halving trains all at once: leave it out", "--batch")
        if self.method != "halving" and self.eta is not None:
            raise FnnError(f"is of --method halving, and this is {self.method}", "--eta")


def resumed(folder: str) -> SearchCommand:
    """The options of the search in a folder, to go on with it."""
    from pathlib import Path

    from fnn.cli.options.config_file import read_options
    from fnn.files import indispensable
    from fnn.runs.search import check_search

    check_search(folder)
    with indispensable("search"):
        options = read_options(SearchCommand, Path(folder) / "search.json")
    return dataclasses.replace(options, resume=folder)
