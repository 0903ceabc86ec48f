"""fnn sweep: many runs on DATA as few programs; which settings are best, and how sure that is."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, UseAppendAction

from fnn.cli.commands.train import SplitOptions, TrainCommand
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, word
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.spec.errors import FnnError


@dataclass(frozen=True)
class SweepCommand:
    """Train networks on DATA over many settings and seeds, and keep what came of them."""

    data: Annotated[Positional[str], word("DATA")]
    """What fnn train takes; all members share its rows, which must fit into memory."""
    over: Annotated[UseAppendAction[tuple[str, ...]], option("NAME=VALUES", "nothing")] = ()
    """What is varied, and its values; may be repeated. NAME is an option of fnn train, width,
    depth, or a number of the run by its path. Values: dropout=0,0.2,none; hidden=64/128,64; 16 of a
    range: learning_rate=1e-4:1e-1:log:16; a range to draw from: learning_rate=1e-4:1e-1:log."""
    seeds: Annotated[int, option("N")] = 1
    """Seeds of each setting, from --seed on."""
    zip: Annotated[bool, option()] = False
    """First values with first, second with second, in place of all with all."""
    random: Annotated[int | None, option("DRAWS", "no draws")] = None
    """Draw so many settings, from ranges and lists."""
    own_order: Annotated[bool, option()] = False
    """Give each seed an order of batches of its own."""
    metric: Annotated[str | None, option("NAME", "what --keep says")] = None
    """Compare settings by the mean of this metric of the validation rows."""
    models: Annotated[int, option("K")] = 3
    """Keep the models of the best K members."""
    memory: Annotated[str | None, option("SIZE", "half of what is free")] = None
    """What may be used, such as 2GB: as many members are trained at a time as fit."""
    out: Annotated[str | None, option("FOLDER", "the next free of runs/DATA-sweep-1, …")] = None
    """The folder to make for the sweep."""
    resume: Annotated[str | None, option("FOLDER")] = None
    """Go on with the sweep of that folder where it was interrupted; it needs nothing else."""
    save: Annotated[bool, option()] = True
    """Keep the sweep in a folder."""
    figures: Annotated[bool, option()] = True
    """Draw the figures into it."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)
    training: OmitArgPrefixes[TrainingOptions] = field(default_factory=TrainingOptions)
    validation: OmitArgPrefixes[ValidationOptions] = field(default_factory=ValidationOptions)
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)
    split: OmitArgPrefixes[SplitOptions] = field(default_factory=SplitOptions)
    machine: OmitArgPrefixes[ProcessOptions] = field(default_factory=ProcessOptions)

    @property
    def single_run_options(self) -> TrainCommand:
        """The options of a single run, before anything is varied."""
        names = ("data", "network", "training", "validation", "file", "split", "machine")
        return TrainCommand(**{name: getattr(self, name) for name in names})

    def run(self) -> int:
        """Train all members, and print what came of them."""
        from fnn.cli.output.sweep import print_plan
        from fnn.cli.process.distributed import disconnect
        from fnn.cli.process.launcher import start_all
        from fnn.cli.sweep_keep import sweep_and_keep
        from fnn.cli.sweep_members import planned
        from fnn.sweeps.export import check_libraries

        began = time.perf_counter()
        self._check()
        if self.save:
            check_libraries(self.figures)
        self.machine.check()
        if self.machine.starts_others:
            over = self.over if self.resume is None else ()  # --over would add to what is there
            return start_all("sweep", dataclasses.replace(self, over=over))
        self.machine.set_up(self.training.precision == "float64")
        prepared = self.single_run_options.prepare()
        members = planned(self, prepared)
        print_plan(self, members, prepared)
        status = sweep_and_keep(self, members, prepared, began)
        disconnect()
        return status

    def _check(self) -> None:
        """Options that need no data to be found wrong."""
        for name, value, least in (
            ("--seeds", self.seeds, 1),
            ("--models", self.models, 0),
            ("--random", 1 if self.random is None else self.random, 1),
        ):
            if value < least:
                raise FnnError(f"expected {least} or more, got {value}", name)
        if self.zip and self.random is not None:
            raise FnnError("draws settings, which can't be zipped as well", "--random")
        if self.resume and (self.out or not self.save):
            given = "--out" if self.out else "--no-save"
            raise FnnError("goes on in the folder of --resume", given)


def resumed(folder: str) -> SweepCommand:
    """The options of the sweep in a folder, to go on with it."""
    from fnn.cli.options.config_file import read_options
    from fnn.files import indispensable
    from fnn.runs import check_sweep

    check_sweep(folder)
    with indispensable("sweep"):
        return dataclasses.replace(read_options(SweepCommand, folder), resume=folder)
