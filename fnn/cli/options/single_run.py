"""The options that describe a single run, whichever command has them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from fnn.cli.options.command_line import to_argv
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import DeviceOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.split import SplitOptions
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.files import expanded

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.runs.folder import Record
    from fnn.runs.origin import Origin
    from fnn.training import Run


class SingleRunOptions(Protocol):
    """What the options of `fnn train`, `fnn sweep` and `fnn search` have in common."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]

    @property
    def data(self) -> str:
        """The name of a data set, or a path."""

    @property
    def network(self) -> NetworkOptions:
        """The layers."""

    @property
    def training(self) -> TrainingOptions:
        """How the network learns."""

    @property
    def validation(self) -> ValidationOptions:
        """What is measured and kept."""

    @property
    def file(self) -> DataOptions:
        """How a file is read."""

    @property
    def split(self) -> SplitOptions:
        """Which rows do what."""

    @property
    def machine(self) -> DeviceOptions:
        """Where it runs."""


T = TypeVar("T", bound=SingleRunOptions)


def prepare_data(options: SingleRunOptions) -> Prepared:
    """The data, split and encoded."""
    return options.split.prepare(options.file.load(options.data))


def build_single_run(options: SingleRunOptions, prepared: Prepared) -> Run:
    """The run that these options describe."""
    fitted = prepared.preprocessing
    net = options.network.build(fitted.outputs, fitted.in_shape)
    return options.training.run(net, prepared, options.validation)


def epochs_of(options: SingleRunOptions, prepared: Prepared) -> int:
    """How many epochs they train."""
    return options.training.length(len(prepared.train.target))


def rows_record(options: SingleRunOptions, prepared: Prepared) -> Record:
    """What is recorded of the rows; reading all of a file for its digest, once for all members."""
    from fnn.data.fingerprint import fingerprint
    from fnn.runs.origin import data_record

    absolute = with_absolute_paths(options)
    return data_record(prepared, fingerprint(absolute.data, absolute.file.test))


def origin_of(command: str, options: SingleRunOptions, rows: Record) -> Origin:
    """What repeats `fnn COMMAND` with these options, on the rows of `rows_record`."""
    from fnn.runs.origin import Origin

    absolute = with_absolute_paths(options)
    return Origin(
        command=["fnn", command, *to_argv(absolute)],
        options=dataclasses.asdict(absolute),
        data=rows,
        seeds={
            "seed": options.training.seed,
            "order_seed": options.training.order_seed,
            "split_seed": options.split.split_seed,
        },
    )


def with_absolute_paths(options: T) -> T:
    """The options as they are recorded: paths that hold from any folder, no single process."""
    from fnn.data import NAMES

    def absolute(path: str) -> str:
        return str(expanded(path).resolve())

    test, data_dir = options.file.test, options.file.data_dir
    file = dataclasses.replace(
        options.file,
        test=None if test is None else absolute(test),
        data_dir=None if data_dir is None else absolute(data_dir),
    )
    data = options.data if options.data in NAMES else absolute(options.data)
    machine = options.machine.of_all_processes
    return dataclasses.replace(options, data=data, file=file, machine=machine)
