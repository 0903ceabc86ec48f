"""Layers: what the gates can't see, against NumPy: statistics, masks, extremes, bad input."""

from __future__ import annotations

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    GroupNorm,
    LayerNorm,
    RMSNorm,
    Softmax,
)
from fnn.shapes import shape
from fnn.spec import ShapeError, numbers

KEY = jax.random.key(0)
SIGMAS = 5
"""how far a draw may be from its mean: 1 in 1.7 million is farther"""
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
TOLERANCE = {"float64": 1e-14, "float32": 1e-6, "bfloat16": 1.01 * 2**-8}
"""for one rounding in bfloat16: all else is done in float32"""


def normal(*axes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=axes)


@functools.partial(jax.jit, static_argnames="train")
def apply(layer: Any, params: Any, state: Any, x: Any, *, train: bool = False, key: Any = None):
    return layer.apply(params, state, x, train=train, key=key)


def standardized(x: np.ndarray, axes: tuple[int, ...], epsilon: float = 1e-5) -> np.ndarray:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


# Dense


@pytest.mark.parametrize("leading", [(), (6,), (2, 6)])
def test_dense_is_a_matrix_product(leading: tuple[int, ...]) -> None:
    params = {"weight": normal(4, 3), "bias": normal(3, seed=1)}
    x = normal(*leading, 4)
    y, _ = apply(Dense(3), params, {}, x)
    np.testing.assert_allclose(y, x @ params["weight"] + params["bias"], rtol=1e-13)
    y, _ = apply(Dense(3, bias_init=None), {"weight": params["weight"]}, {}, x)
    np.testing.assert_allclose(y, x @ params["weight"], rtol=1e-13)


# BatchNorm


@jax.jit
def batch_norm_steps(layer: BatchNorm, batches: jax.Array) -> Any:
    """After each batch: its output in training, its output in evaluation, the state."""
    params, state = layer.init(None, shape(*batches.shape[2:], dtype=batches.dtype))

    def step(state: Any, x: jax.Array) -> Any:
        y, state, _ = layer.forward(params, state, x, train=True, key=None)
        z, _ = layer.apply(params, state, x)
        return state, (y, z, state)

    return jax.lax.scan(step, state, batches)[1]


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.999])
def test_batch_norm_on_constant_statistics(momentum: float) -> None:
    """Evaluation is what training was, from the first batch on, whatever the momentum."""
    batch = 3 + 2 * normal(8, 3, 5)
    batches = np.stack([np.roll(batch, shift, 0) for shift in range(4)])
    y, z, _ = batch_norm_steps(numbers(BatchNorm(momentum)), batches)
    np.testing.assert_allclose(z, y, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(y, standardized(batches, (1, 2)), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_batch_norm_running_statistics(momentum: float) -> None:
    """The mean over batches, each older one weighted `momentum` times less, at every step."""
    batches = normal(4, 8, 3, 5) + np.arange(4).reshape(4, 1, 1, 1)
    y, z, state = batch_norm_steps(numbers(BatchNorm(momentum)), batches)
    for step in range(4):
        seen = batches[: step + 1]
        weight = momentum ** np.arange(step, -1.0, -1)
        weight /= weight.sum()
        mean, variance = weight @ seen.mean((1, 2)), weight @ seen.var((1, 2))
        np.testing.assert_allclose(state["mean"][step], mean, rtol=1e-12)
        np.testing.assert_allclose(state["variance"][step], variance, rtol=1e-12)
        expected = (batches[step] - mean) / np.sqrt(variance + 1e-5)
        np.testing.assert_allclose(z[step], expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(y, standardized(batches, (1, 2)), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_batch_norm_far_from_zero(dtype: str) -> None:
    """In one pass, E[x²] − E[x]² of 1e4 ± 1 is off by several times the variance in float32."""
    spread = {"float32": 1, "bfloat16": 200}[dtype]
    x = jnp.asarray(1e4 + spread * normal(1, 8, 3, 5), dtype)
    y, z, state = batch_norm_steps(numbers(BatchNorm(), jnp.float32), x)
    assert y.dtype == z.dtype == dtype
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state)} == {"float32"}
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(state["mean"], exact.mean((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(state["variance"], exact.var((1, 2)), rtol=1e-5)
    atol = {"float32": 5e-3, "bfloat16": 2e-2}[dtype]
    for output in (y, z):
        found = np.asarray(output, np.float64)
        np.testing.assert_allclose(found, standardized(exact, (1, 2)), atol=atol)


def test_batch_norm_scale_and_shift() -> None:
    params = {"scale": normal(5), "shift": normal(5, seed=1)}
    _, state = BatchNorm().init(None, shape(5, dtype=jnp.float64))
    x = normal(8, 5)
    y, _ = apply(BatchNorm(), params, state, x, train=True)
    expected = params["scale"] * standardized(x, (0,)) + params["shift"]
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-12)


def test_batch_norm_before_any_batch() -> None:
    """Mean 0 and variance 1."""
    params, state = BatchNorm().init(None, shape(5, dtype=jnp.float64))
    x = normal(8, 5)
    y, after = apply(BatchNorm(), params, state, x)
    np.testing.assert_allclose(y, x / np.sqrt(1 + 1e-5), rtol=1e-14)
    chex.assert_trees_all_equal(after, state)


def test_batch_norm_of_one_row() -> None:
    """Nothing is known about the spread: the output is `shift`, and no gradient is infinite."""
    params = {"scale": normal(5), "shift": normal(5, seed=1)}

    @jax.jit
    def run(layer: BatchNorm, params: Any, x: jax.Array) -> Any:
        _, state = layer.init(None, shape(5, dtype=x.dtype))
        y, state, tape = layer.forward(params, state, x, train=True, key=None)
        return y, state, layer.backward(params, tape, x)

    x = normal(1, 5)
    y, state, (dx, grads) = run(BatchNorm(), params, x)
    np.testing.assert_array_equal(y, params["shift"][None])
    np.testing.assert_array_equal(state["variance"], np.zeros(5))
    np.testing.assert_array_equal(dx, np.zeros((1, 5)))
    np.testing.assert_array_equal(grads["scale"], np.zeros(5))
    np.testing.assert_array_equal(grads["shift"], x[0])


def test_batch_norm_statistics_are_detached() -> None:
    """No gradient goes into the running statistics, in whichever mode they are made or used."""
    params, state = BatchNorm().init(None, shape(5, dtype=jnp.float64))

    @jax.jit
    def run(x: jax.Array) -> Any:
        def after(x: jax.Array) -> jax.Array:
            _, new = BatchNorm().apply(params, state, x, train=True)
            return sum(leaf.sum() for leaf in jax.tree.leaves(new))

        return jax.value_and_grad(after)(x)

    value, dx = run(normal(8, 5))
    assert value != 0
    np.testing.assert_array_equal(dx, np.zeros((8, 5)))


# LayerNorm


@pytest.mark.parametrize("ndim", [1, 2])
def test_layer_norm(ndim: int) -> None:
    features = (3, 5)[2 - ndim :]
    params = {"scale": normal(*features), "shift": normal(*features, seed=1)}
    x = 3 + 2 * normal(6, 3, 5)
    y, _ = apply(LayerNorm(ndim), params, {}, x)
    axes = tuple(range(3 - ndim, 3))
    expected = params["scale"] * standardized(x, axes) + params["shift"]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    y, _ = apply(LayerNorm(ndim, 0.5), params, {}, x)
    expected = params["scale"] * standardized(x, axes, 0.5) + params["shift"]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_layer_norm_far_from_zero(dtype: str) -> None:
    spread = {"float32": 1, "bfloat16": 200}[dtype]
    x = jnp.asarray(1e4 + spread * normal(6, 16), dtype)
    params = {"scale": np.ones(16, np.float32), "shift": np.zeros(16, np.float32)}
    y, _ = apply(LayerNorm(), params, {}, x)
    assert y.dtype == dtype
    atol = {"float32": 5e-3, "bfloat16": 2e-2}[dtype]
    exact = standardized(np.asarray(x, np.float64), (1,))
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, atol=atol)


# RMSNorm


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
def test_rms_norm(ndim: int, epsilon: float) -> None:
    """The mean is not taken away, and ε stands inside the root."""
    features = (3, 5)[2 - ndim :]
    params = {"scale": normal(*features)}
    x = 3 + 2 * normal(6, 3, 5)
    y, _ = apply(RMSNorm(ndim, epsilon), params, {}, x)
    square = np.square(x).mean(tuple(range(3 - ndim, 3)), keepdims=True)
    expected = params["scale"] * x / np.sqrt(square + epsilon)
    np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_rms_norm_backward() -> None:
    """The Jacobian of one example as the paper's equation gives it, multiplied out in NumPy."""
    x, dy, scale = normal(6, 5), normal(6, 5, seed=1), normal(5, seed=2)
    layer = RMSNorm(epsilon=0.1)
    _, _, tape = layer.forward({"scale": scale}, {}, jnp.asarray(x), train=True, key=None)
    dx, grads = layer.backward({"scale": scale}, tape, jnp.asarray(dy))
    for row in range(6):
        r = np.sqrt(np.square(x[row]).mean() + 0.1)
        jacobian = np.diag(scale) @ (np.eye(5) / r - np.outer(x[row], x[row]) / (5 * r**3))
        np.testing.assert_allclose(dx[row], jacobian.T @ dy[row], rtol=1e-12, atol=1e-13)
    r = np.sqrt(np.square(x).mean(1, keepdims=True) + 0.1)
    np.testing.assert_allclose(grads["scale"], (dy * x / r).sum(0), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rms_norm_of_low_precision(dtype: str) -> None:
    """Squares of 300 are no bfloat16, and a sum of 4096 of them loses most of its terms there."""
    x = jnp.asarray(300 + normal(2, 4096), dtype)
    y, _ = apply(RMSNorm(), {"scale": np.ones(4096, np.float32)}, {}, x)
    assert y.dtype == dtype
    exact = np.asarray(x, np.float64)
    exact /= np.sqrt(np.square(exact).mean(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, rtol=TOLERANCE[dtype])


# GroupNorm


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_group_norm(groups: int, ndim: int) -> None:
    """One group after another, one example after another; what stands in front is batch."""
    params = {"scale": normal(6), "shift": normal(6, seed=1)}
    x = 3 + 2 * normal(2, 4, 3, 6)
    y, _ = apply(GroupNorm(groups, ndim, 0.01), params, {}, x)
    expected = np.empty_like(x)
    width = 6 // groups
    for example in np.ndindex(*x.shape[: 4 - ndim]):
        for start in range(0, 6, width):
            channels = (*example, ..., slice(start, start + width))
            own = x[channels]
            expected[channels] = (own - own.mean()) / np.sqrt(own.var() + 0.01)
    expected = params["scale"] * expected + params["shift"]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_group_norm_backward() -> None:
    """Against the Jacobian of each group, multiplied out in NumPy."""
    x, dy = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    params = {"scale": normal(4, seed=2), "shift": normal(4, seed=3)}
    layer = GroupNorm(2, 2, 0.1)
    _, _, tape = layer.forward(params, {}, jnp.asarray(x), train=True, key=None)
    dx, grads = layer.backward(params, tape, jnp.asarray(dy))
    x_hat = np.empty_like(x)
    for example in range(2):
        for start in (0, 2):
            part = (example, slice(None), slice(start, start + 2))
            centered = x[part].ravel() - x[part].mean()
            deviation = np.sqrt(x[part].var() + 0.1)
            hat = centered / deviation
            x_hat[part] = hat.reshape(3, 2)
            jacobian = (np.eye(6) - 1 / 6 - np.outer(hat, hat) / 6) / deviation
            g = (dy[part] * params["scale"][start : start + 2]).ravel()
            np.testing.assert_allclose(dx[part].ravel(), jacobian.T @ g, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(grads["scale"], (dy * x_hat).sum((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(grads["shift"], dy.sum((0, 1)), rtol=1e-12)


def test_group_norm_of_all_and_of_one_channel() -> None:
    """One group is LayerNorm over the example, a group a channel is each channel by itself."""
    x = 3 + 2 * normal(5, 4, 3, 6)
    params = {"scale": np.ones(6), "shift": np.zeros(6)}
    whole, _ = apply(GroupNorm(1, 3), params, {}, x)
    np.testing.assert_allclose(whole, standardized(x, (1, 2, 3)), rtol=1e-12, atol=1e-12)
    each, _ = apply(GroupNorm(6, 3), params, {}, x)
    np.testing.assert_allclose(each, standardized(x, (1, 2)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_group_norm_far_from_zero(dtype: str) -> None:
    spread = {"float32": 1, "bfloat16": 200}[dtype]
    x = jnp.asarray(1e4 + spread * normal(6, 5, 16), dtype)
    params = {"scale": np.ones(16, np.float32), "shift": np.zeros(16, np.float32)}
    y, _ = apply(GroupNorm(4, 2), params, {}, x)
    assert y.dtype == dtype
    exact = np.asarray(x, np.float64).reshape(6, 5, 4, 4)
    exact = standardized(exact, (1, 3)).reshape(6, 5, 16)
    atol = {"float32": 5e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, atol=atol)


def test_group_norm_of_channels_that_its_groups_do_not_divide() -> None:
    message = r"GroupNorm\(groups=4, ndim=1\) needs a multiple of 4 channels .*, got shape \(6,\)"
    for call in (GroupNorm(4, 1).out_shape, functools.partial(GroupNorm(4, 1).init, None)):
        with pytest.raises(ShapeError, match=message):
            call(shape(6))


# Softmax


@every_dtype
def test_softmax(dtype: str) -> None:
    """Also of logits whose exponentials overflow; a shift of all logits changes nothing."""
    near = np.round(8 * normal(4, 6)) / 8
    far = np.array([[1e4, -1e4, 0, 1e4, -1e4, 0], [-1e4] * 6, [88, 89, 0, 0, 0, 0]])
    given = jnp.asarray(np.concatenate([near, near + 16, far]), dtype)
    y, _ = apply(Softmax(), {}, {}, given)
    x = np.asarray(given, np.float64)
    assert y.dtype == dtype
    exponentials = np.exp(x - x.max(-1, keepdims=True))
    expected = exponentials / exponentials.sum(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(y, np.float64), expected, TOLERANCE[dtype], 1e-37)
    np.testing.assert_array_equal(y[4:8], y[:4])


# Flatten


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_flatten(ndim: int) -> None:
    x = np.arange(120).reshape(2, 3, 4, 5)
    joined = {1: (2, 3, 4, 5), 2: (2, 3, 20), 3: (2, 60)}[ndim]
    assert Flatten(ndim).out_shape(shape(3, 4, 5)).shape == joined[1:]
    for given in (x, x.astype(np.float32)):
        y, _, tape = Flatten(ndim).forward({}, {}, jnp.asarray(given), train=True, key=None)
        np.testing.assert_array_equal(y, given.reshape(joined))
        dx, grads = Flatten(ndim).backward({}, tape, y)
        assert grads == {}
        if given.dtype == np.float32:
            np.testing.assert_array_equal(dx, given)
        else:
            assert dx is None


# Dropout


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9, 0.9995])
def test_dropout_keeps_its_share(rate: float) -> None:
    """Within the binomial's bounds, and scaled by the realized share, a multiple of 2⁻²⁴."""
    size = 2**17
    kept = round(float(1 - np.float32(rate)) * 2**24)
    p = kept / 2**24
    y, _ = apply(numbers(Dropout(rate)), {}, {}, np.ones(size), train=True, key=KEY)
    mask = np.asarray(y) != 0
    assert abs(mask.sum() - size * p) < SIGMAS * np.sqrt(size * p * (1 - p))
    assert set(np.unique(y)) == {0, 2**24 / kept}


@every_dtype
def test_dropout_scales_in_the_dtype_of_its_input(dtype: str) -> None:
    x = jnp.ones(64, dtype)
    y, _ = apply(numbers(Dropout(0.3)), {}, {}, x, train=True, key=KEY)
    scale = jnp.asarray(2**24 / round(0.7 * 2**24), dtype)
    assert y.dtype == dtype
    assert np.unique(y).tolist() == [0, scale]


def test_dropout_at_rate_0_keeps_every_bit() -> None:
    x = np.array([1.5, -0.0, 1e-300, np.inf, -1e300, np.nan] * 100)
    y, _ = apply(numbers(Dropout(0.0)), {}, {}, x, train=True, key=KEY)
    np.testing.assert_array_equal(np.asarray(y).view(np.uint64), x.view(np.uint64))


def test_dropout_at_an_extreme_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """One word in 2²⁴ keeps its unit at least, so the scale is finite."""
    every = lambda key, shape: jnp.arange(2**24, dtype=jnp.uint32).reshape(shape) << 8  # noqa: E731
    monkeypatch.setattr("fnn.layers.dropout.random_bits", every)
    x = np.ones(2**24, np.float32)
    y, _ = Dropout(1 - 2**-30).apply({}, {}, x, train=True, key=KEY)
    assert set(np.unique(y)) == {0, 2**24}
    assert np.count_nonzero(y) == 1


@pytest.mark.parametrize("features", [(1,), (3, 5)])
def test_dropout_units_of_odd_layouts_are_independent(features: tuple[int, ...]) -> None:
    """Over 4096 keys: every unit's own share, and no two units correlated."""
    count, p = 4096, 0.5

    @jax.jit
    def masks(keys: jax.Array) -> jax.Array:
        once = functools.partial(Dropout(p).apply, {}, {}, np.ones(features), train=True)
        return jax.vmap(lambda key: once(key=key)[0] != 0)(keys)

    signed = 2.0 * np.asarray(masks(jax.random.split(KEY, count))).reshape(count, -1) - 1
    assert abs(signed.mean(0)).max() < SIGMAS / np.sqrt(count)
    correlation = signed.T @ signed / count
    assert abs(correlation - np.eye(signed.shape[1])).max() < SIGMAS / np.sqrt(count)


def test_dropout_masks_follow_the_key() -> None:
    x = np.ones((8, 31))
    layer = numbers(Dropout(0.5))
    first, same, other = (
        np.asarray(apply(layer, {}, {}, x, train=True, key=jax.random.key(seed))[0])
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    differ = (first != other).mean()
    assert abs(differ - 0.5) < SIGMAS * 0.5 / np.sqrt(x.size)


def test_dropout_in_evaluation_is_the_identity() -> None:
    x = normal(6, 5)
    y, _, tape = Dropout(0.9).forward({}, {}, x, train=False, key=None)
    assert y is x
    dx, _ = Dropout(0.9).backward({}, tape, x)
    assert dx is x


@pytest.mark.parametrize("mean", [100.0, -3e3, 1e4])
@pytest.mark.parametrize("layer", [LayerNorm(), BatchNorm(), GroupNorm(1, 1)], ids=str)
def test_a_mean_far_beyond_the_spread_costs_no_digits(layer, mean) -> None:
    x = np.float32(mean) + np.float32(1e-3) * np.arange(16, dtype=np.float32)
    rows = x[:, None] if isinstance(layer, BatchNorm) else x[None]
    layer = numbers(layer, jnp.float32)
    params, state = layer.init(None, shape(rows.shape[-1], dtype="float32"))
    made, _ = layer.apply(params, state, jnp.asarray(rows), train=True)
    error = x.astype(np.float64) - x.astype(np.float64).mean()
    exact = error / np.sqrt(np.square(error).mean() + 1e-5)
    np.testing.assert_allclose(np.ravel(made), exact, atol=5e-7)
