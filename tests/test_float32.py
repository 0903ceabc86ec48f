"""float32 as a user has it: a process without x64 that trains, and no float64 in any program."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.gradients import METHODS
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm, Softmax
from fnn.losses import L1, L2, CrossEntropy
from fnn.objective import Batch, Objective
from fnn.optimizers import Adam
from fnn.schedules import CosineDecay
from fnn.shapes import shape
from fnn.spec import numbers, to_json
from fnn.training import Run, init_state, segment, step
from tests.cases import LAYERS, LOSSES, OPTIMIZERS, SCHEDULES, Case

IN_SHAPE = shape(2, 4)
NET = Serial(
    Flatten(2),
    Dense(8, bias_init=None),
    BatchNorm(),
    Activation("gelu"),
    Dropout(0.1),
    Repeat(Residual(Serial(LayerNorm(), Dense(8), Activation("tanh"))), 2),
    Parallel(Dense(3), Serial(Dense(3), Softmax())),
)
OBJECTIVE = Objective(NET, CrossEntropy(0.05), (L1(1e-4), L2(1e-4)))
ROWS = 24


def main() -> None:
    """Trains the same network with both gradients and looks at every array there is."""
    assert not jax.config.jax_enable_x64
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, *IN_SHAPE.shape)).astype(np.float32)
    rows = Batch(x, (x[:, 0, 0] > 0).astype(np.int32), np.ones(ROWS, np.float32))
    ends = []
    for method in METHODS:
        run = numbers(Run(OBJECTIVE, Adam(CosineDecay(0.02, 50.0)), ROWS, method))
        state, program, losses = init_state(run, IN_SHAPE, seed=0, order_seed=0), jax.jit(step), []
        for _ in range(40):
            state, loss = program(run, state, rows)
            losses.append(loss)
        arrays = state.params, state.state, state.optimizer_state, losses
        dtypes = {leaf.dtype.name for leaf in jax.tree.leaves(arrays)}
        assert dtypes <= {"float32", "int32"}, dtypes
        assert jax.tree.all(jax.tree.map(lambda leaf: np.isfinite(leaf).all(), arrays))
        assert losses[-1] < 0.7 * losses[0], losses
        ends.append(jax.device_get((state.params, losses)))
    chex.assert_trees_all_close(*ends, rtol=1e-3, atol=1e-3)
    print(f"both gradients trained in float32, to {ends[0][1][-1]:.3f} from {ends[0][1][0]:.3f}")


def test_a_process_without_x64_trains() -> None:
    """With strict promotion, rank promotion an error, and every warning an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.test_float32"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "FNN_TEST_FLOAT32": "1", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("both gradients trained in float32")
    assert done.stderr == ""


# With x64 on, a number that forgot its dtype shows: it would be float64


def float64s(jaxpr: Any) -> Iterator[str]:
    """Equations that make a float64, those of inner programs included."""
    for equation in jaxpr.eqns:
        if any(getattr(var.aval, "dtype", None) == jnp.float64 for var in equation.outvars):
            yield str(equation)[:200]
        for leaf in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(leaf, "jaxpr", leaf)
            if hasattr(inner, "eqns"):
                yield from float64s(inner)


CASES = [case for case in (*LAYERS, *LOSSES) if "embedding.v1" not in to_json(case.spec)]
"""all but those whose table has JAX's default dtype"""


@pytest.mark.parametrize("method", METHODS)
def test_no_float64_in_a_segment(method: Any) -> None:
    run = numbers(Run(OBJECTIVE, "adam", 7, method), jnp.float32)
    state = jax.eval_shape(functools.partial(init_state, run, IN_SHAPE, seed=0, order_seed=0))
    rows = Batch(shape(ROWS, 2, 4), shape(ROWS, dtype=jnp.int32), shape(ROWS))
    run_it = functools.partial(segment, start=0, stop=2 * ROWS, capacity=2)
    jaxpr = jax.make_jaxpr(lambda *inputs: run_it(*inputs, inputs[-1]))(run, state, rows)
    assert list(float64s(jaxpr.jaxpr)) == []


@pytest.mark.parametrize("spec", [*OPTIMIZERS, *map(Adam, SCHEDULES)], ids=repr)
def test_no_float64_in_an_update(spec: Any) -> None:
    params = {"weight": shape(4, 3), "bias": shape(3)}

    def update(spec: Any, params: Any, grads: Any) -> Any:
        transformation = spec.transformation()
        return transformation.update(grads, transformation.init(params), params)

    jaxpr = jax.make_jaxpr(update)(numbers(spec, jnp.float32), params, params)
    assert list(float64s(jaxpr.jaxpr)) == []


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_float64_in_a_layer_or_loss(case: Case, dtype: Any) -> None:
    """Forward and backward."""
    params, x = case.inputs(jnp.dtype(dtype))

    def both(spec: Any, params: Any, x: Any) -> Any:
        y = case.forward(spec, params, x)
        return y, case.backward(spec, params, x, y)

    jaxpr = jax.make_jaxpr(both)(numbers(case.spec, jnp.float32), params, x)
    assert list(float64s(jaxpr.jaxpr)) == []


if __name__ == "__main__":
    from tests import conftest  # noqa: F401, for its settings

    main()
