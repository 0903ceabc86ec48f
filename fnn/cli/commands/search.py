"""fnn search: the best setting on DATA, over numbers and structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, UseAppendAction

from fnn.cli.commands.single import as_train_command, print_single_command
from fnn.cli.options.axes import SEEDS, all_settings, parse_all
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import DeviceOptions
from fnn.cli.options.figures import check_figures
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, option_errors, option_name, word
from fnn.cli.options.single_run import epochs_of, origin_of, prepare_data, rows_record
from fnn.cli.options.split import SplitOptions
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.cli.options.varied_run import build_run
from fnn.cli.process.signals import note_folder, stop_on_signals
from fnn.cli.process.startup import start_time
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    import optuna

    from fnn.cli.options.axes import Axis
    from fnn.data import Prepared
    from fnn.runs.adapters.search import SearchRecorder
    from fnn.search import SearchResult
    from fnn.training import Stop
    from fnn.training.fitting import MemberOptions

USUAL = (
    "learning_rate=1e-4:3e-2:log",
    "dropout=0:0.5",
    "hidden=64/128/128,64/256,128",
    "activation=relu,tanh",
)
"""what is searched where there is no --over"""

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
    def trial_count(self) -> int:
        """Settings to try, where not all are listed."""
        return self.trials or TRIALS

    @property
    def trials_together(self) -> int:
        """Settings that are chosen, and trained, at a time."""
        return self.batch or BATCH

    @property
    def axes(self) -> Mapping[str, Axis]:
        """What is varied."""
        return parse_all(self.over or USUAL)

    def run(self) -> int:
        """Search, and print the result."""
        from fnn.api.recorded import record
        from fnn.cli.output.search import print_best, print_cost, print_plan
        from fnn.cli.output.sweep import print_end
        from fnn.cli.process.status import exit_status
        from fnn.sweeps.test_protocol import measured

        started = start_time()
        self._check()
        self.machine.set_up(self.training.precision == "float64")
        prepared = prepare_data(self)
        if prepared.validation is None:
            raise FnnError("leaves no validation rows, and settings are chosen by them", "--split")
        trials = None if self.method == "grid" else self.trial_count
        print_plan(self.axes, prepared, self.method, trials, epochs_of(self, prepared))
        recorder = self._recorder(prepared, started)
        result, test = record(
            recorder, lambda: measured(self._search(prepared, recorder), prepared)
        )
        for note in () if recorder is None else recorder.notes:
            print(note)
        print_cost(result)
        if test is not None and prepared.test is not None:
            print_best(result, test, len(prepared.test.target))
            print_single_command(self, test.setting.members[0].member)
        path, interrupted = None if recorder is None else recorder.path, result.interrupted
        print_end(started, path, interrupted is not None)
        if interrupted is None and test is None:
            raise FnnError("every trial diverged: lower rates, or --clip-norm 1, may help")
        return exit_status(interrupted)

    def _recorder(self, prepared: Prepared, started: float) -> SearchRecorder | None:
        from fnn.runs import folder_name
        from fnn.runs.adapters.search import SearchAdapter, SearchRecorder
        from fnn.runs.search import SearchFolder

        if not self.save:
            return None
        rows = rows_record(self, prepared)
        adapter = SearchAdapter(
            origin_of("search", self, rows),
            prepared,
            lambda member: origin_of("train", as_train_command(self, member)[0], rows),
            self.trials_together,
        )
        if self.resume is not None:
            folder = SearchFolder.resume(self.resume)
        else:
            folder = SearchFolder.create(self.out, name=f"{folder_name(self.data)}-search")
        note_folder(folder.path)
        resumed = self.resume is not None
        return SearchRecorder(
            folder, adapter, figures=self.figures, resumed=resumed, started=started
        )

    def _search(self, prepared: Prepared, recorder: SearchRecorder | None) -> SearchResult:
        from fnn import search
        from fnn.runs.search import storage

        build = partial(build_run, self, prepared)
        first = all_settings(self.axes) if self.method == "grid" else []
        errors = option_errors(self, self.training, self.machine, data=self.data)
        with errors, stop_on_signals() as stop:
            shared = self._member_options(prepared, stop)
            if self.method == "halving":
                return search.halving(
                    build,
                    prepared,
                    over=self.axes,
                    draws=self.trial_count,
                    eta=ETA if self.eta is None else self.eta,
                    metric=self.metric,
                    **shared,
                )
            return search.bayes(
                build,
                prepared,
                over=self.axes,
                trials=len(first) or self.trial_count,
                batch=self.trials_together,
                metric=self.metric,
                first=first,
                sampler=_random_sampler if self.method == "random" else None,
                storage=None if recorder is None else storage(recorder.path),
                **shared,
            )

    def _member_options(self, prepared: Prepared, stop: Stop) -> MemberOptions:
        """How every trial is trained, by whatever method."""
        from fnn.cli.output.search import print_batch, print_rung

        return {
            "epochs": epochs_of(self, prepared),
            "seed": self.training.seed,
            "order_seed": self.training.order_seed,
            "loggers": [print_rung if self.method == "halving" else print_batch],
            "stop": stop,
            "devices": self.machine.devices,
            "memory": self.memory,
        }

    def _check(self) -> None:
        """Raises `FnnError` for options that are wrong whatever the data, and missing libraries."""
        for name, value in (("--trials", self.trials), ("--batch", self.batch)):
            if value is not None and value < 1:
                raise FnnError(f"expected 1 or more, got {value}", name)
        if self.resume is None:  # folders of older searches hold them all
            self._check_method()
        for name in set(SEEDS) & set(self.axes):
            option = option_name(name)
            raise FnnError(f"a seed is luck, not a setting: give {option}", f"--over {name}")
        if self.resume and (self.out or not self.save):
            excluded = "--out" if self.out else "--no-save"
            raise FnnError("goes on in the folder of --resume", excluded)
        if self.resume and self.method == "halving":
            raise FnnError("successive halving keeps nothing to go on by: begin anew", "--resume")
        needed = {"pandas": self.save, "optuna": self.method != "halving"}
        for library in (name for name, needs in needed.items() if needs):
            if find_spec(library) is None:
                raise FnnError(f"fnn search needs {library}: pip install 'fnn[search]'")
        check_figures(self.save and self.figures)

    def _check_method(self) -> None:
        """Options that the method has no use for."""
        if self.method == "grid" and self.trials is not None:
            raise FnnError("grid tries all there are: leave it out, or --method random", "--trials")
        if self.method == "halving" and self.batch is not None:
            raise FnnError("halving trains all at once: leave it out", "--batch")
        if self.method != "halving" and self.eta is not None:
            raise FnnError(f"is of --method halving, and this is {self.method}", "--eta")


def resumed_search(folder: str) -> SearchCommand:
    """The options of the search in a folder, to resume it."""
    from pathlib import Path

    from fnn.cli.options.config_file import read_options
    from fnn.files import indispensable
    from fnn.runs.search import check_search

    check_search(folder)
    with indispensable("search"):
        options = read_options(SearchCommand, Path(folder) / "search.json")
    return dataclasses.replace(options, resume=folder)


def _random_sampler(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed)
