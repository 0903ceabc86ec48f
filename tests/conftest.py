"""Every test runs in float64, with strict promotion, and rank promotion an error."""

import gc
import os
import signal

from jaxlib.version import __version__ as jaxlib

# The tests compile more than they compute: LLVM need not optimize what runs once, and XLA's older
# emitters, which jaxlib 0.12 has no longer, make kernels in half the time of those built on MLIR.
# They add up float32 in one running sum: tests of precision ask for `AS_SHIPPED`.
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_cpu_use_fusion_emitters=false" if jaxlib.startswith("0.10.") else "",
    ]
)

import chex
import jax
import pytest

from fnn import xla
from fnn.training.program import state

xla.configure()  # as commands do, in this process or in another one: both come to the same bits

# Tracing makes many objects and little garbage: a tenth of the time went into looking for it.
gc.set_threshold(100_000, 50, 100)

# What starts the tests in the background has them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

if os.environ.get("FNN_TEST_FLOAT32") is None:
    jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Call sites of every operation make modules larger, and nobody reads them here.
jax.config.update("jax_traceback_in_locations_limit", 0)
state.OPTIONS.clear()  # a level above the tests' own


@pytest.fixture(autouse=True)
def _fresh_trace_counter() -> None:
    chex.clear_trace_counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults`: every kill and 1,000 flipped bits, in place of some."""
    parser.addoption("--faults", action="store_true", help="try every fault, not some of them")


@pytest.fixture
def faults(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is to be tried."""
    return bool(request.config.getoption("--faults"))
