"""A member of a sweep or a search as `fnn train`."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING

from fnn.cli.commands.train import TrainCommand
from fnn.cli.options.axes import member_options
from fnn.cli.options.command_line import to_argv
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.single_run import SingleRunOptions

if TYPE_CHECKING:
    from fnn.sweeps import Member

NAMES = ("data", "network", "training", "validation", "file", "split")


def as_train_command(
    options: SingleRunOptions, member: Member
) -> tuple[TrainCommand, dict[str, object]]:
    """The command that trains a member alone, and the settings for which it has no option."""
    machine = options.machine
    if not isinstance(machine, ProcessOptions):
        machine = ProcessOptions(machine.device, machine.devices)
    single = TrainCommand(**{name: getattr(options, name) for name in NAMES}, machine=machine)
    return member_options(single, member)


def print_single_command(options: SingleRunOptions, member: Member) -> None:
    """Print the command that trains a member alone."""
    from fnn.cli.output.sweep import print_again

    command, missing = as_train_command(options, member)
    command = dataclasses.replace(command, machine=command.machine.of_all_processes)
    print_again(shlex.join(["fnn", "train", *to_argv(command)]), missing)
