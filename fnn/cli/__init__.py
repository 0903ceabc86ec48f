"""The command line: one file a subcommand."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fnn.spec.errors import FnnError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `fnn ARGUMENTS…`; the exit status is 2 where the arguments or the data are wrong."""
    try:
        import tyro
    except ModuleNotFoundError:
        print("fnn: the command line needs tyro: pip install 'fnn[cli,data]'", file=sys.stderr)
        return 2
    from fnn.cli.summary import Summary
    from fnn.cli.train import Train

    command = tyro.extras.subcommand_cli_from_dict(
        {"train": Train, "summary": Summary},
        prog="fnn",
        description="Feed-forward networks in JAX: train, and look at what was trained.",
        args=arguments,
    )
    _cache_programs()
    try:
        command.run()
    except FnnError as error:
        print(f"fnn: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _cache_programs() -> None:
    """Keep compiled programs from one command to the next, however small they are.

    `JAX_COMPILATION_CACHE_DIR` and JAX's other settings of that kind come first.
    """
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        jax.config.update("jax_compilation_cache_dir", str(home / "fnn" / "programs"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    if "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES" not in os.environ:
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
