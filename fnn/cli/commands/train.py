"""fnn train: data in; a trained network, its test metric and a folder that holds both out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.figures import check_figures
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, option_errors, word
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared


@dataclass(frozen=True)
class SplitOptions:
    """Which rows train, validate and test; an official test part stays as it is."""

    split: Annotated[tuple[float, float, float], option("TRAIN VALIDATION TEST")] = (60, 20, 20)
    """Their shares."""
    stratify: Annotated[bool, option()] = True
    """Keep the classes' shares in each part."""
    split_seed: Annotated[int, option("N")] = 0
    """Draws which rows go where."""


@dataclass(frozen=True)
class TrainCommand:
    """Train a network on DATA, print its metric on the test rows, and keep it in a folder."""

    data: Annotated[Positional[str], word("DATA")]
    """digits, iris, wine, breast_cancer, diabetes (no download), mnist, fashion-mnist (fnn data
    get mnist), a file (.csv, .tsv, .txt, perhaps with .gz behind it, .npz), or a folder of
    x.npy and y.npy, which may be larger than memory."""
    out: Annotated[str | None, option("FOLDER", "the next free of runs/DATA-1, runs/DATA-2, …")] = (
        None
    )
    """The folder to make for the run."""
    save: Annotated[bool, option()] = True
    """Keep the run in a folder."""
    figures: Annotated[bool, option()] = True
    """Draw the figures into it."""
    members: Annotated[int | None, option("M", "one network")] = None
    """Train M networks as one program, of the seeds from --seed on, and average what they say."""
    config: Annotated[str | None, option("RUN")] = None
    """Repeat the run of that folder; DATA and options beside it replace its own."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)
    training: OmitArgPrefixes[TrainingOptions] = field(default_factory=TrainingOptions)
    validation: OmitArgPrefixes[ValidationOptions] = field(default_factory=ValidationOptions)
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)
    split: OmitArgPrefixes[SplitOptions] = field(default_factory=SplitOptions)
    machine: OmitArgPrefixes[ProcessOptions] = field(default_factory=ProcessOptions)

    def run(self) -> int:
        """Train, and print what came of it."""
        from fnn.cli.members import check_members
        from fnn.cli.process.distributed import disconnect, is_primary_process
        from fnn.cli.process.launcher import start_all

        began = time.perf_counter()
        if self.save and self.figures:
            check_figures()
        check_members(self)
        self.machine.check()
        if self.machine.starts_others:
            return start_all("train", self)
        self.machine.set_up(self.training.precision == "float64")
        status = (self if is_primary_process() else replace(self, save=False))._train(began)
        disconnect()
        return status

    def _train(self, began: float) -> int:
        from fnn.cli.members import train_and_keep_members
        from fnn.cli.output.run import print_plan
        from fnn.cli.recorder import train_and_keep
        from fnn.training.train import check_outputs

        prepared = self.prepare()
        fitted = prepared.preprocessing
        net = self.network.build(fitted.outputs, fitted.in_shape)
        run = self.training.run(net, prepared, self.validation)
        check_outputs(run.objective.net, prepared)
        print_plan(self, run, prepared)
        if self.members is not None:
            return train_and_keep_members(self, run, prepared, began)
        return train_and_keep(self, run, prepared, began)

    def prepare(self) -> Prepared:
        """The data, split and encoded."""
        from fnn.data import prepare

        dataset, parts = self.file.load(self.data), self.split
        with option_errors(fractions="--split", seed="--split-seed"):
            prepared = prepare(dataset, parts.split, seed=parts.split_seed, stratify=parts.stratify)
        if prepared.test is None:
            shares = " ".join(f"{share:g}" for share in parts.split)
            raise FnnError(f"{shares} leave no rows to test", "--split")
        return prepared
