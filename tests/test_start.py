"""What comes before the first step: the programs of a run, and the clock of a command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn

COMPILE = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compiled() -> Iterator[list[str]]:
    """The names of the programs that are compiled inside."""
    names: list[str] = []

    def listen(event: str, seconds: float, **details: object) -> None:
        if event == COMPILE:
            names.append(str(details.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def fit(width: int, **options: object) -> None:
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    rows = fnn.Batch(jnp.asarray(x), jnp.asarray(x[:, :1]))
    net = fnn.mlp([width], 1)
    run = fnn.Run(fnn.Objective(net, "squared_error"), "adam", 4, **options)
    fnn.fit(run, rows, rows, epochs=2)


@pytest.mark.parametrize(
    ("width", "options"), [(13, {}), (14, {"selection": fnn.Selection()})], ids=["last", "best"]
)
def test_a_run_is_two_programs(width: int, options: dict[str, object]) -> None:
    """Initialization and the segment; nothing for a second run, or one of other numbers."""
    fit(11, **options)  # what JAX compiles once for all
    with compiled() as names:
        fit(width, **options)
    assert sorted(names) == ["jit(_init_state)", "jit(segment)"]
    with compiled() as names:
        fit(width, **options)
    assert names == []


CLOCK = """
import time
time.sleep(0.3)
from fnn.cli.process import startup
before = time.perf_counter() - startup.start_time()
startup.own_process()
print(before < 0.1, 0.3 < time.perf_counter() - startup.start_time() < 60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_a_command_counts_from_the_start_of_its_process() -> None:
    done = subprocess.run([sys.executable, "-c", CLOCK], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
