"""fnn sweep: many runs on DATA as few programs; which settings are best, and how sure that is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, UseAppendAction

from fnn.cli.commands.single import as_train_command, print_single_command
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.members import Axes, plan_members
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, option_errors, word
from fnn.cli.options.single_run import epochs_of, origin_of, prepare_data, rows_record
from fnn.cli.options.split import SplitOptions
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.cli.process.signals import note_folder, stop_on_signals
from fnn.cli.process.startup import start_time
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.runs.adapters.sweep import SweepRecorder
    from fnn.sweeps import Member, SweepResult
    from fnn.training import Progress


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
    def axes(self) -> Axes:
        """What is varied."""
        return Axes(self.over, self.seeds, self.random, self.zip, self.own_order)

    def run(self) -> int:
        """Train all members, and print the result."""
        from fnn.cli.options.axes import parse_all
        from fnn.cli.output.sweep import print_plan
        from fnn.cli.process.distributed import disconnect
        from fnn.cli.process.launcher import start_all
        from fnn.sweeps.export import check_libraries

        started = start_time()
        self._check()
        if self.save:
            check_libraries(self.figures)
        self.machine.check()
        if self.machine.starts_others:
            over = self.over if self.resume is None else ()  # --over would add to what is there
            return start_all("sweep", dataclasses.replace(self, over=over))
        self.machine.set_up(self.training.precision == "float64")
        prepared = prepare_data(self)
        members = plan_members(self.axes, self, prepared)
        print_plan(parse_all(self.over), members, prepared, epochs_of(self, prepared))
        status = self._sweep(members, prepared, started)
        disconnect()
        return status

    def _sweep(self, members: Sequence[Member], prepared: Prepared, started: float) -> int:
        """Train, record and print: exit status; of several processes, the first records."""
        from fnn.api.recorded import record
        from fnn.cli.output.sweep import print_end, print_sweep, print_test
        from fnn.cli.process.status import exit_status
        from fnn.sweeps.test_protocol import measured
        from fnn.training import Progress
        from fnn.training.parallel.collectives import is_primary_process

        recorder = self._recorder(members, prepared, started)
        with closing(Progress(lines=True)) as bar:
            path = self._shared_path(recorder)
            if not is_primary_process():
                return exit_status(self._train(members, prepared, path, bar).interrupted)
            result, test = record(
                recorder, lambda: measured(self._train(members, prepared, path, bar), prepared)
            )
        for note in () if recorder is None else recorder.notes:
            print(note)
        print_sweep(result, bar.size, self.resume is not None)
        if test is not None and prepared.test is not None:
            print_test(result, test, len(prepared.test.target))
            print_single_command(self, test.setting.members[0].member)
        print_end(started, path, result.interrupted is not None)
        if result.interrupted is None and test is None:
            raise FnnError("every member diverged: lower rates, or --clip-norm 1, may help")
        return exit_status(result.interrupted)

    def _recorder(
        self, members: Sequence[Member], prepared: Prepared, started: float
    ) -> SweepRecorder | None:
        from fnn.runs import SweepFolder, folder_name
        from fnn.runs.adapters.sweep import SweepAdapter, SweepRecorder
        from fnn.training.parallel.collectives import is_primary_process

        if not self.save or not is_primary_process():
            return None
        rows = rows_record(self, prepared)
        adapter = SweepAdapter(
            origin_of("sweep", self, rows),
            members[0].run,
            prepared,
            lambda member: origin_of("train", as_train_command(self, member)[0], rows),
            self.models,
        )
        if self.resume is not None:
            folder = SweepFolder.resume(self.resume)
        else:
            folder = SweepFolder.create(self.out, name=f"{folder_name(self.data)}-sweep")
        note_folder(folder.path)
        resumed = self.resume is not None
        return SweepRecorder(
            folder, adapter, figures=self.figures, resumed=resumed, started=started
        )

    def _shared_path(self, recorder: SweepRecorder | None) -> Path | None:
        """The path of the folder, which the first process has created for all."""
        from fnn.cli.process.distributed import is_connected
        from fnn.training.parallel.collectives import broadcast_text

        path = None if recorder is None else recorder.path
        if not is_connected() or not self.save:
            return path
        return Path(broadcast_text("" if path is None else str(path.absolute())))

    def _train(
        self, members: Sequence[Member], prepared: Prepared, path: Path | None, bar: Progress
    ) -> SweepResult:
        from fnn.api.recorded import members_to_keep
        from fnn.sweeps.sweep import sweep_members

        errors = option_errors(self, self.training, self.machine, data=self.data)
        with errors, stop_on_signals() as stop:
            return sweep_members(
                members,
                prepared,
                epochs=epochs_of(self, prepared),
                keep=members_to_keep(members, prepared, self.models),
                metric=self.metric,
                memory=self.memory,
                folder=path,
                loggers=[bar],
                stop=stop,
                devices=self.machine.spread_over,
            )

    def _check(self) -> None:
        """Raises `FnnError` for options that are wrong whatever the data."""
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
            excluded = "--out" if self.out else "--no-save"
            raise FnnError("goes on in the folder of --resume", excluded)


def resumed_sweep(folder: str) -> SweepCommand:
    """The options of the sweep in a folder, to resume it."""
    from fnn.cli.options.config_file import read_options
    from fnn.files import indispensable
    from fnn.runs import check_sweep

    check_sweep(folder)
    with indispensable("sweep"):
        return dataclasses.replace(read_options(SweepCommand, folder), resume=folder)
