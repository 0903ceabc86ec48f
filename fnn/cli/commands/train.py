"""fnn train: data in; a trained network, its test metric and a folder that holds both out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.figures import check_figures
from fnn.cli.options.imports import Imports, import_modules
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, option_errors, word
from fnn.cli.options.single_run import (
    build_single_run,
    epochs_of,
    origin_of,
    prepare_data,
    rows_record,
)
from fnn.cli.options.split import SplitOptions
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.cli.process.signals import stop_on_signals
from fnn.cli.process.startup import start_time
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.ensembles import EnsembleResult
    from fnn.training import Logger, Run, Stop
    from fnn.training.fitting import FittingOptions
    from fnn.training.train import TrainResult


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
    imports: Imports = ()
    """Modules to import first: those that define activations or optimizers of your own."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)
    training: OmitArgPrefixes[TrainingOptions] = field(default_factory=TrainingOptions)
    validation: OmitArgPrefixes[ValidationOptions] = field(default_factory=ValidationOptions)
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)
    split: OmitArgPrefixes[SplitOptions] = field(default_factory=SplitOptions)
    machine: OmitArgPrefixes[ProcessOptions] = field(default_factory=ProcessOptions)

    def run(self) -> int:
        """Train, and print the result."""
        from fnn.cli.output.run import print_plan
        from fnn.cli.process.distributed import disconnect
        from fnn.cli.process.launcher import start_all
        from fnn.training.train import check_outputs

        started = start_time()
        check_figures(self.save and self.figures)
        self._check_members()
        self.machine.check()
        if self.machine.starts_others:
            return start_all("train", self)
        self.machine.set_up(self.training.precision == "float64")
        import_modules(self.imports)
        prepared = prepare_data(self)
        run = build_single_run(self, prepared)
        check_outputs(run.objective.net, prepared)
        print_plan(
            run,
            prepared,
            hidden=self.network.hidden,
            activation=self.network.activation,
            optimizer=self.training.optimizer,
        )
        train = self._train_one if self.members is None else self._train_members
        status = train(run, prepared, started)
        disconnect()
        return status

    def _check_members(self) -> None:
        """Raises `FnnError` for fewer than 2, and for what is recorded of one network alone."""
        if self.members is not None and self.members < 2:
            raise FnnError(f"expected from 2 up, got {self.members}", "--members")
        if self.members is not None and self.validation.monitor:
            raise FnnError("watches one network: it does not go with --members", "--monitor")

    def _train_one(self, run: Run, prepared: Prepared, started: float) -> int:
        """One network: exit status, or `DivergedError` once that has been recorded."""
        from fnn.api.recorded import loggers_of, record_run
        from fnn.cli.output.run import EpochTable, print_end, print_result
        from fnn.cli.process.status import exit_status
        from fnn.runs import RunFolder
        from fnn.runs.adapters.single import RunRecorder, SingleRunAdapter
        from fnn.training import DivergedError, Progress
        from fnn.training.parallel.collectives import is_primary_process
        from fnn.training.train import TrainResult

        recorder = None
        if self.save and is_primary_process():
            adapter = SingleRunAdapter(
                origin_of("train", self, rows_record(self, prepared)), run, prepared
            )
            folder = RunFolder.create(self.out, name=self.data)
            recorder = RunRecorder(folder, adapter, figures=self.figures, started=started)
        path, diverged = None if recorder is None else recorder.path, None
        with closing(Progress()) as bar:
            table = EpochTable(epochs_of(self, prepared))
            loggers = loggers_of(recorder, table, bar)
            try:
                result = record_run(recorder, prepared, lambda: self._fit(run, prepared, loggers))
            except DivergedError as error:
                assert isinstance(error.fit, TrainResult)
                result, diverged = error.fit, error
        print_result(result)
        print_end(started, path)
        if diverged is not None:
            raise diverged
        return exit_status(result.interrupted)

    def _fit(self, run: Run, prepared: Prepared, loggers: Sequence[Logger]) -> TrainResult:
        from fnn.training.train import train_run

        with option_errors(self.training, self.machine), stop_on_signals() as stop:
            return train_run(run, prepared, **self._fitting(prepared, loggers, stop))

    def _train_members(self, run: Run, prepared: Prepared, started: float) -> int:
        """An ensemble: exit status."""
        from fnn.api.recorded import loggers_of, record
        from fnn.cli.output.ensemble import print_ensemble
        from fnn.cli.output.run import print_end
        from fnn.cli.process.status import exit_status
        from fnn.runs import RunFolder
        from fnn.runs.adapters.ensemble import EnsembleAdapter, EnsembleRecorder
        from fnn.training import Progress
        from fnn.training.parallel.collectives import is_primary_process

        assert self.members is not None
        run, seed = self._with_calibration(run, prepared), self.training.seed
        print(f"{self.members} members, seeds {seed} to {seed + self.members - 1}", flush=True)
        recorder = None
        if self.save and is_primary_process():
            origin = origin_of("train", self, rows_record(self, prepared))
            adapter = EnsembleAdapter(origin, run, prepared, self.members)
            folder = RunFolder.create(self.out, name=self.data)
            recorder = EnsembleRecorder(folder, adapter, figures=self.figures, started=started)
        with closing(Progress()) as bar:
            loggers = loggers_of(recorder, bar)
            result = record(recorder, lambda: self._fit_members(run, prepared, loggers))
        print_ensemble(result)
        print_end(started, None if recorder is None else recorder.path)
        return exit_status(result.interrupted)

    def _with_calibration(self, run: Run, prepared: Prepared) -> Run:
        """Of classes, calibration is measured too, unless --metrics says otherwise."""
        from fnn.spec import replace

        if self.validation.metrics is not None or prepared.preprocessing.classes is None:
            return run
        return replace(run, metrics=("accuracy", "ece", "brier", "nll"))

    def _fit_members(
        self, run: Run, prepared: Prepared, loggers: Sequence[Logger]
    ) -> EnsembleResult:
        from fnn.ensembles import ensemble

        assert self.members is not None
        names = {"data": self.data, "over.seed": "--seed"}
        errors = option_errors(self.training, self.machine, **names)
        with errors, stop_on_signals() as stop:
            options = self._fitting(prepared, loggers, stop)
            return ensemble(run, prepared, members=self.members, **options)

    def _fitting(self, prepared: Prepared, loggers: Sequence[Logger], stop: Stop) -> FittingOptions:
        """How a network is trained, alone or as a member."""
        return {
            "epochs": epochs_of(self, prepared),
            "seed": self.training.seed,
            "order_seed": self.training.order_seed,
            "loggers": loggers,
            "stop": stop,
            "devices": self.machine.spread_over,
        }


def repeated_run(path: str) -> TrainCommand:
    """The options of the run in a folder, or in its config.json, to repeat it."""
    from fnn.cli.options.config_file import config_path, read_options
    from fnn.runs import check_single

    check_single(config_path(path).parent)
    return read_options(TrainCommand, path)


def note_changed_data(path: str, options: TrainCommand) -> None:
    """Print it where the data is other than when the run in that folder was trained."""
    from fnn.cli.options.config_file import has_changed

    if has_changed(path, options):
        print(f"note: {options.data} has changed since {path} was trained on it")
