"""From the words of a command line to its exit status."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from fnn import xla
from fnn.cli.process.distributed import exit_process, is_connected, report
from fnn.cli.process.signals import handle_sigint, interrupted
from fnn.cli.process.startup import INTERRUPTED, is_own_process, loading
from fnn.spec.errors import FnnError, FnnWarning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `fnn ARGUMENTS…`; the exit status is 2 where the arguments or the data are wrong."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ± still gets the numbers
    try:
        with handle_sigint(), _warnings_as_lines():
            status = _run(arguments)
        return exit_process(status)
    except Exception as error:
        if not is_connected():
            raise
        return exit_process(report(error))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with loading():
            import tyro  # noqa: F401
    except ModuleNotFoundError:
        print("fnn: the command line needs tyro: pip install 'fnn[cli,data]'", file=sys.stderr)
        return 2
    try:
        with loading():
            xla.configure()
            _cache_programs()
            command = parse(list(sys.argv[1:] if arguments is None else arguments))
        status: int = command.run()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(interrupted(), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has left
        _drop_output()
        return 141
    except (FnnError, MemoryError) as error:
        return _failed(str(error) or "out of memory")
    except AssertionError:  # JAX's, where a platform that it knows has no plug-in
        if not _lacks_backend():
            raise
        return _failed(
            f"JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS', '')}: JAX finds no such device here; "
            "install JAX for it, or unset JAX_PLATFORMS"
        )
    except RuntimeError as error:  # JAX's: of all that it raises, two can be the input's fault
        if str(error).startswith("Unable to initialize backend"):
            return _failed(f"JAX_PLATFORMS: {str(error).splitlines()[0]}")
        if "out of memory" not in str(error).lower():
            raise
        return _failed(f"out of memory: {str(error).splitlines()[0]}")
    except OSError as error:
        _drop_output()
        return _failed(f"{error.filename or 'writing the output'}: {error.strerror or error}")


def _lacks_backend() -> bool:
    """Whether JAX finds no device of the platform that it was told to use."""
    import jax

    try:
        jax.default_backend()
    except (AssertionError, RuntimeError):
        return True
    return False


def _failed(message: str) -> int:
    print(f"fnn: error: {message}", file=sys.stderr)
    return 2


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Our own warnings are a line for people, without the place in the code that Python adds."""
    with warnings.catch_warnings():
        show: Callable[..., None] = warnings.showwarning

        def show_line(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, FnnWarning):
                print(f"fnn: warning: {message}", file=sys.stderr)
            else:
                show(message, category, *where)

        warnings.showwarning = cast(Any, show_line)
        yield


def _drop_output() -> None:
    """What standard output has not taken yet is lost; Python would try again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Command(Protocol):
    """A subcommand with its options."""

    def run(self) -> int:
        """Do its work; the exit status."""


COMMANDS = {
    "train": "TrainCommand",
    "sweep": "SweepCommand",
    "search": "SearchCommand",
    "evaluate": "EvaluateCommand",
    "predict": "PredictCommand",
    "runs": "RunsCommand",
    "verify": "VerifyCommand",
    "data": "DataCommand",
    "summary": "SummaryCommand",
    "gradcheck": "GradcheckCommand",
}
"""by name, each in the module of that name in `fnn.cli.commands`"""


def parse(arguments: list[str]) -> Command:
    """The subcommand with its options."""
    import tyro

    from fnn.cli.options.numbers import registry

    name, words = "".join(arguments[:1]), arguments[1:]
    if name == "gradcheck":
        from fnn.cli.commands.gradcheck import refuse_moved_options

        refuse_moved_options(words)
    resumed = _parse_with_folder(name, words)
    if resumed is not None:
        return resumed
    names: Iterable[str] = COMMANDS
    if name in COMMANDS:  # reading the options of all of them takes longer than the rest
        names = (name, "summary" if name == "runs" else "runs")  # one alone were no subcommand
    command: Command = tyro.extras.subcommand_cli_from_dict(
        {known: _command(known) for known in names},
        prog="fnn",
        description="Feed-forward networks in JAX: train, look at what was trained, use it.",
        args=arguments,
        registry=registry(),
    )
    return command


def _command(name: str) -> Callable[..., Command]:
    module = importlib.import_module(f"fnn.cli.commands.{name}")
    command: Callable[..., Command] = getattr(module, COMMANDS[name])
    return command


def _parse_with_folder(name: str, words: list[str]) -> Command | None:
    """The subcommand with the options of a folder as its defaults; None where none is named."""
    from fnn.cli.options.command_line import without_folder
    from fnn.cli.options.numbers import registry

    if name not in ("train", "sweep", "search"):
        return None
    rest, resumed = without_folder(words, "--resume")
    rest, repeated = without_folder(rest) if name == "train" else (rest, None)
    if resumed is None and repeated is None:
        return None
    import tyro

    from fnn.cli.commands.search import resumed_search
    from fnn.cli.commands.sweep import resumed_sweep
    from fnn.cli.commands.train import (
        TrainCommand,
        note_changed_data,
        repeated_run,
        resumed_run,
    )

    cli = partial(tyro.cli, registry=registry())
    if resumed is None:
        assert repeated is not None
        run = cli(TrainCommand, prog="fnn train", args=rest, default=repeated_run(repeated))
        note_changed_data(repeated, run)
        return replace(run, config=repeated)
    if repeated is not None:
        raise FnnError("goes on with a run, --config repeats one: give one of them", "--resume")
    resume: dict[str, Callable[[str], Command]] = {
        "train": resumed_run,
        "sweep": resumed_sweep,
        "search": resumed_search,
    }
    command = resume[name](resumed)
    return cli(type(command), prog=f"fnn {name}", args=rest, default=command)


def _cache_programs() -> None:
    """Keep compiled programs from one command to the next, however small they are.

    `JAX_COMPILATION_CACHE_DIR` and JAX's other settings of that kind come first. Where they can't
    be kept (a full disk, a home that is read-only), they are compiled each time.
    """
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    # jaxlib 0.10 writes of each program that it reads that this machine might not be the same one
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":  # which importing JAX sets as well
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    settings: dict[str, str | float] = {"jax_persistent_cache_min_compile_time_secs": 0.0}
    with contextlib.suppress(RuntimeError):  # there is no home
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        settings["jax_compilation_cache_dir"] = str(home / "fnn" / "programs")
    default = settings.get("jax_compilation_cache_dir", "")
    folder = str(os.environ.get("JAX_COMPILATION_CACHE_DIR", default))
    enabled = os.environ.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower()
    enables = enabled in ("1", "true", "t", "yes", "y", "on")
    if enables and folder and "://" not in folder and is_own_process():
        xla.keep_programs(Path(folder) / "whole")
    for name, value in settings.items():
        if name.upper() in os.environ:
            continue
        if "jax" in sys.modules:
            import jax

            jax.config.update(name, value)
        else:  # JAX reads them once it is imported, which some commands never do
            os.environ[name.upper()] = str(value)
