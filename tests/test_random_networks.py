"""Networks that nobody thought of, nested up to three deep."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import pytest

from experiments.audit_power.coverage import random_network
from experiments.audit_power.coverage.run import general_position
from fnn.audit import agreement
from fnn.spec import from_json, to_json

KEY = jax.random.key(20)


@pytest.mark.parametrize("seed", range(12))
def test_manual_is_automatic(seed: int) -> None:
    drawn = random_network(seed)
    params, state = general_position(drawn, seed)
    leaves = agreement(drawn.objective, drawn.batch, params=params, state=state, train=drawn.train)
    assert [leaf for leaf in leaves if not leaf.ok] == [], drawn.words


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_declared_shape_is_real_shape(dtype: str) -> None:
    """So are dtypes: the output has the input's, gradients and state those of what they are of."""
    for seed in range(30):
        drawn = random_network(seed)
        net, rows = drawn.objective.net, len(drawn.batch.x)
        floating = jnp.issubdtype(drawn.in_shape.dtype, jnp.floating)
        in_shape = drawn.in_shape.update(dtype=dtype) if floating else drawn.in_shape

        def run(x: Any, drawn=drawn, net=net, in_shape=in_shape) -> Any:
            params, old = net.init(KEY, in_shape)
            y, new, tape = net.forward(params, old, x, train=drawn.train, key=KEY)
            dx, grads = net.backward(params, tape, y)
            return y, dx, (new, grads), (old, params)

        x = in_shape.update(shape=(rows, *in_shape.shape))
        y, dx, found, expected = jax.eval_shape(run, x)
        declared = net.out_shape(in_shape)
        assert (y.shape, y.dtype) == ((rows, *declared.shape), declared.dtype), drawn.words
        chex.assert_trees_all_equal_shapes_and_dtypes(found, expected)
        assert dx is None or (dx.shape, dx.dtype) == (x.shape, x.dtype), drawn.words
        assert from_json(to_json(net)) == net
