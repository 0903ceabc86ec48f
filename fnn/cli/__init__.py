"""The command line: one file a subcommand."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fnn.cli.interrupts import heard, interrupted
from fnn.cli.processes import end, joined, report
from fnn.spec.errors import FnnError
from fnn.startup import INTERRUPTED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `fnn ARGUMENTS…`; the exit status is 2 where the arguments or the data are wrong."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ± still gets the numbers
    try:
        with heard():
            status = _run(arguments)
        return end(status)
    except Exception as error:
        if not joined():
            raise
        return end(report(error))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        import tyro  # noqa: F401
    except ModuleNotFoundError:
        print("fnn: the command line needs tyro: pip install 'fnn[cli,data]'", file=sys.stderr)
        return 2
    try:
        command = _parse(list(sys.argv[1:] if arguments is None else arguments))
        _cache_programs()
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
    except RuntimeError as error:  # JAX's: of all that it raises, this can be the input's fault
        if "out of memory" not in str(error).lower():
            raise
        return _failed(f"out of memory: {str(error).splitlines()[0]}")
    except OSError as error:
        _drop_output()
        return _failed(f"{error.filename or 'writing the output'}: {error.strerror or error}")


def _failed(message: str) -> int:
    print(f"fnn: error: {message}", file=sys.stderr)
    return 2


def _drop_output() -> None:
    """What standard output has not taken yet is lost; Python would try again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: list[str]) -> Any:
    """The subcommand with its options."""
    import tyro

    from fnn.cli.command import has_changed, place_of, read_options, without_config
    from fnn.cli.data import Data
    from fnn.cli.evaluate import Evaluate
    from fnn.cli.gradcheck import Gradcheck
    from fnn.cli.predict import Predict
    from fnn.cli.runs import Runs
    from fnn.cli.search import Search
    from fnn.cli.search import resumed as resumed_search
    from fnn.cli.summary import Summary
    from fnn.cli.sweep import Sweep, resumed
    from fnn.cli.train import Train

    if arguments[:1] == ["train"]:
        rest, config = without_config(arguments[1:])
        if config is not None:
            from fnn.runs import check_single

            check_single(place_of(config).parent)
            defaults = read_options(Train, config)
            options = tyro.cli(Train, prog="fnn train", args=rest, default=defaults)
            if has_changed(config, options):
                print(f"note: {options.data} has changed since {config} was trained on it")
            return options
    if arguments[:1] == ["sweep"]:
        rest, folder = without_config(arguments[1:], "--resume")
        if folder is not None:
            return tyro.cli(Sweep, prog="fnn sweep", args=rest, default=resumed(folder))
    if arguments[:1] == ["search"]:
        rest, folder = without_config(arguments[1:], "--resume")
        if folder is not None:
            return tyro.cli(Search, prog="fnn search", args=rest, default=resumed_search(folder))
    return tyro.extras.subcommand_cli_from_dict(
        {
            "train": Train,
            "sweep": Sweep,
            "search": Search,
            "evaluate": Evaluate,
            "predict": Predict,
            "runs": Runs,
            "data": Data,
            "summary": Summary,
            "gradcheck": Gradcheck,
        },
        prog="fnn",
        description="Feed-forward networks in JAX: train, look at what was trained, use it.",
        args=arguments,
    )


def _cache_programs() -> None:
    """Keep compiled programs from one command to the next, however small they are.

    `JAX_COMPILATION_CACHE_DIR` and JAX's other settings of that kind come first. Where they can't
    be kept (a full disk, a home that is read-only), they are compiled each time.
    """
    import jax

    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        jax.config.update("jax_compilation_cache_dir", str(home / "fnn" / "programs"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    if "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES" not in os.environ:
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
