"""Settings of XLA: for a whole process, where it asks for them, and the build that fnn refuses."""

from __future__ import annotations

import os
from pathlib import Path

from jaxlib.version import __version__ as jaxlib_version

from fnn.spec.errors import FnnError

USER_FLAGS = os.environ.get("XLA_FLAGS", "")
"""what the user has set; processes that are to know nothing of fnn start with that"""
SMALL_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=32768"
"""a loop over less than 32 KiB becomes one kernel on a CPU: a step of XOR in a tenth of the time"""
QUICKLY = ("--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true")
"""for hundreds of programs that each run a few times: without an optimizer it takes a third less"""
WRONG_BUILDS = ("0.10.2",)


def configure() -> None:
    """Compile loops over little memory as one kernel on a CPU: networks as small as XOR's.

    A step of XOR 2-4-1 then takes a tenth of the time under JAX 0.10 and 0.11; 0.12 leaves loops
    with matrix products as they are, and larger networks gain nothing (docs/numbers.md).

    It holds for all of the process, so importing fnn does not do it; the command line does. Call
    it before JAX first computes: XLA reads the environment's XLA_FLAGS then, once, and a later call
    has no effect. What the user has set there stays.

        import fnn
        fnn.xla.configure()
        fnn.fit(run, rows, epochs=1000)
    """
    add_xla_flags(SMALL_LOOPS)


def add_xla_flags(*flags: str) -> None:
    """Add settings to the environment's XLA_FLAGS; one that is there already stays."""
    known = os.environ.get("XLA_FLAGS", "")
    new = [flag for flag in flags if flag.partition("=")[0] not in known]
    os.environ["XLA_FLAGS"] = " ".join([known, *new]).strip()


def keep_programs(folder: Path | None) -> None:
    """Keep executables whole in that folder (`fnn.training.program.kept`); None for nowhere.

    The command line does: a run like one before neither traces nor compiles. It is for processes
    that run fnn's own code alone: a metric of yours, registered by its name, could change behind
    that name. Only you should be able to write there, as executables are loaded from it.
    """
    _kept[:] = [] if folder is None else [folder]


def kept_programs() -> Path | None:
    """The folder of `keep_programs`."""
    return _kept[0] if _kept else None


_kept: list[Path] = []


def check_jaxlib() -> None:
    """Raises `FnnError` for a jaxlib whose results are wrong (jax issue 39103)."""
    if jaxlib_version in WRONG_BUILDS:
        raise FnnError(
            f"jaxlib {jaxlib_version} computes some sums under jax.vmap wrongly on a CPU "
            "(https://github.com/jax-ml/jax/issues/39103), so nothing is trained with it; "
            "install another one: pip install 'jax!=0.10.2' 'jaxlib!=0.10.2'"
        )
