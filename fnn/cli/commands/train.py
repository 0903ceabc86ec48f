"""fnn train: data in; a trained network, its test metric and a folder that holds both out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
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
from fnn.cli.process.signals import note_folder, stop_on_signals
from fnn.cli.process.startup import start_time
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.ensembles import EnsembleResult
    from fnn.runs import RunFolder
    from fnn.runs.adapters.single import RunRecorder
    from fnn.runs.checkpoints import Resumed
    from fnn.training import Logger, Run, Snapshot, Stop
    from fnn.training.fitting import FittingOptions


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
    resume: Annotated[str | None, option("RUN")] = None
    """Go on with the run of that folder where it was interrupted, to the same bits; it needs
    nothing else. --epochs may be more than before, where no schedule hangs on them."""
    save_every: Annotated[float, option("SECONDS")] = 60.0
    """Save where the run stands, for --resume, after so many seconds."""
    allow_different: Annotated[bool, option()] = False
    """Go on with --resume where versions, devices or data have changed, to other bits."""
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
        if self.resume and (self.out or not self.save):
            raise FnnError(
                "goes on in the folder of --resume", "--out" if self.out else "--no-save"
            )
        self.machine.check()
        if self.machine.starts_others:
            return start_all("train", self)
        self.machine.set_up(self.training.precision == "float64")
        import_modules(self.imports)
        if self.config is not None:
            note_changed_environment(self.config)
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
        from fnn.training import DivergedError, Progress
        from fnn.training.train import TrainResult, train_run

        recorder, snapshot = self._recorder(run, prepared, started)
        save, diverged = None if recorder is None else recorder.save, None
        with closing(Progress()) as bar, stop_on_signals() as stop:
            loggers = loggers_of(recorder, EpochTable(epochs_of(self, prepared)), bar)
            options = self._fitting(prepared, loggers, stop)

            def train() -> TrainResult:
                with option_errors(self, self.training, self.machine):
                    return train_run(run, prepared, state=snapshot, save=save, **options)

            try:
                result = record_run(recorder, prepared, train)
            except DivergedError as error:
                assert isinstance(error.fit, TrainResult)
                result, diverged = error.fit, error
        print_result(result)
        path = None if recorder is None else recorder.path
        print_end(started, path, result.interrupted is not None)
        if diverged is not None:
            raise diverged
        return exit_status(result.interrupted or stop.signal or None)

    def _recorder(
        self, run: Run, prepared: Prepared, started: float
    ) -> tuple[RunRecorder | None, Snapshot | None]:
        """What records the run, of several processes the first; and where it stands if it does."""
        from fnn.api.recorded import device_count
        from fnn.runs import RunFolder
        from fnn.runs.adapters.single import RunRecorder, SingleRunAdapter
        from fnn.training.parallel.collectives import is_primary_process

        if not self.save:
            return None, None
        with option_errors(self.training, self.machine):
            devices = device_count(self.machine.spread_over)
        origin = origin_of("train", self._as_begun, rows_record(self, prepared))
        adapter, snapshot = SingleRunAdapter(origin, run, prepared, devices), None
        if self.resume is not None:
            resumed = adapter.load(RunFolder.open(self.resume), self.allow_different)
            snapshot = resumed.snapshot
            print_resumed(resumed)
        if not is_primary_process():
            return None, snapshot
        folder = self._folder()
        again = self.resume is not None
        recorder = RunRecorder(
            folder, adapter, figures=self.figures, resumed=again, started=started
        )
        return recorder, snapshot

    def _folder(self) -> RunFolder:
        """A new folder, or the one to go on in; an interruption says how to go on."""
        from fnn.runs import RunFolder

        if self.resume is None:
            folder = RunFolder.create(self.out, name=self.data)
        else:
            folder = RunFolder(self.resume)
        note_folder(folder.path)
        return folder

    @property
    def _as_begun(self) -> TrainCommand:
        """The options that repeat the run from its beginning."""
        return replace(self, resume=None, config=None, allow_different=False)

    def _train_members(self, run: Run, prepared: Prepared, started: float) -> int:
        """An ensemble: exit status."""
        from fnn.api.recorded import loggers_of, record
        from fnn.cli.output.ensemble import print_ensemble
        from fnn.cli.output.run import print_end
        from fnn.cli.process.distributed import is_connected
        from fnn.cli.process.status import exit_status
        from fnn.runs.adapters.ensemble import EnsembleAdapter, EnsembleRecorder
        from fnn.runs.kinds import STORE
        from fnn.training import Progress
        from fnn.training.parallel.collectives import is_primary_process

        assert self.members is not None
        run, seed = self._with_calibration(run, prepared), self.training.seed
        print(f"{self.members} members, seeds {seed} to {seed + self.members - 1}", flush=True)
        recorder, store = None, None
        if self.save and is_primary_process():
            origin = origin_of("train", self._as_begun, rows_record(self, prepared))
            adapter = EnsembleAdapter(origin, run, prepared, self.members)
            again = self.resume is not None
            recorder = EnsembleRecorder(
                self._folder(), adapter, figures=self.figures, resumed=again, started=started
            )
            store = None if is_connected() else recorder.path / STORE
        with closing(Progress()) as bar, stop_on_signals() as stop:
            options = self._fitting(prepared, loggers_of(recorder, bar), stop)
            result = record(recorder, lambda: self._fit_members(run, prepared, store, options))
        if store is not None and result.interrupted is None:
            shutil.rmtree(store)
        print_ensemble(result)
        path = None if recorder is None else recorder.path
        print_end(started, path, result.interrupted is not None)
        return exit_status(result.interrupted or stop.signal or None)

    def _with_calibration(self, run: Run, prepared: Prepared) -> Run:
        """Of classes, calibration is measured too, unless --metrics says otherwise."""
        from fnn.spec import replace

        if self.validation.metrics is not None or prepared.preprocessing.classes is None:
            return run
        return replace(run, metrics=("accuracy", "ece", "brier", "nll"))

    def _fit_members(
        self, run: Run, prepared: Prepared, store: Path | None, options: FittingOptions
    ) -> EnsembleResult:
        from fnn.ensembles import ensemble

        assert self.members is not None
        names = {"data": self.data, "over.seed": "--seed"}
        with option_errors(self, self.training, self.machine, **names):
            return ensemble(run, prepared, members=self.members, folder=store, **options)

    def _fitting(self, prepared: Prepared, loggers: Sequence[Logger], stop: Stop) -> FittingOptions:
        """How a network is trained, alone or as a member."""
        return {
            "epochs": epochs_of(self, prepared),
            "seed": self.training.seed,
            "order_seed": self.training.order_seed,
            "loggers": loggers,
            "stop": stop,
            "devices": self.machine.spread_over,
            "save_every": self.save_every,
        }


def repeated_run(path: str) -> TrainCommand:
    """The options of the run in a folder, or in its config.json, to repeat it."""
    from fnn.cli.options.config_file import config_path, read_options
    from fnn.runs import check_single

    check_single(config_path(path).parent)
    return read_options(TrainCommand, path)


def resumed_run(path: str) -> TrainCommand:
    """The options of the run in a folder, to go on with it."""
    from fnn.cli.options.config_file import read_options
    from fnn.files import indispensable
    from fnn.runs import RunFolder, check_single

    RunFolder.open(path)
    check_single(path)
    with indispensable("run"):
        return replace(read_options(TrainCommand, path), resume=path)


def print_resumed(resumed: Resumed) -> None:
    """Where the run goes on, and what the reader should know."""
    for note in resumed.notes:
        print(f"note: {note}")
    if resumed.snapshot is not None:
        state = resumed.snapshot.state
        print(f"goes on from step {int(state.step):,}, epoch {int(state.epoch):,}", flush=True)


def note_changed_environment(path: str) -> None:
    """Print by what a run that is repeated may come to other bits."""
    from fnn.checkpoint import environment
    from fnn.checkpoint.environment import differences
    from fnn.cli.options.config_file import config_path
    from fnn.files import read_record
    from fnn.runs.digests import FORMAT

    record = read_record(config_path(path), FORMAT)
    count = record.get("device", {}).get("count", 1)
    now = environment(count)
    if "random" not in record:
        print(f"note: {path} does not say how random numbers were drawn: it is of an older fnn")
    for one in differences(record, now):
        if one.changes_bits:
            print(f"note: {one}: other bits than {path}")


def note_changed_data(path: str, options: TrainCommand) -> None:
    """Print it where the data is other than when the run in that folder was trained."""
    from fnn.cli.options.config_file import has_changed

    if has_changed(path, options):
        print(f"note: {options.data} has changed since {path} was trained on it")
