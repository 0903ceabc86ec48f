"""What XLA is told before it compiles anything."""

from __future__ import annotations

import os

from jaxlib.version import __version__ as jaxlib

GIVEN = os.environ.get("XLA_FLAGS", "")
"""what the user has set; processes that are to know nothing of fnn start with that"""
SMALL_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=32768"
"""a loop over less than 32 KiB becomes one kernel on a CPU: a step of XOR in a tenth of the time"""
QUICKLY = ("--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true")
"""for hundreds of programs that each run a few times: without an optimizer it takes a third less"""
FLAG = "xla_cpu_experimental_ynn_fusion_type"
PRODUCTS = "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
OPTIONS = {FLAG: PRODUCTS} if jaxlib == "0.10.2" else None
"""for `jax.jit(compiler_options=…)` of programs of many members"""


def set_up() -> None:
    """Loops over little memory in one kernel; no sums of sums where jaxlib 0.10.2 gets them wrong.

    On a CPU it makes Σᵢ wᵢ Σⱼ tᵢⱼ log softmax(z)ᵢⱼ under `jax.vmap`, as one fusion, that of another
    member, from 32,768 rows of all members on; 0.10.0, 0.10.1, 0.11.2 and 0.12 are right. The
    setting leaves matrix products their fusions, and sums none.

    Settings stand in the environment's XLA_FLAGS, which XLA reads when JAX first computes: what was
    computed before `import fnn` decides for the whole process.
    """
    add_xla_flags(SMALL_LOOPS)
    if OPTIONS:
        add_xla_flags(f"--{FLAG}={PRODUCTS}")


def add_xla_flags(*flags: str) -> None:
    """Add settings to the environment's XLA_FLAGS; one that is there already stays."""
    known = os.environ.get("XLA_FLAGS", "")
    new = [flag for flag in flags if flag.partition("=")[0] not in known]
    os.environ["XLA_FLAGS"] = " ".join([known, *new]).strip()
