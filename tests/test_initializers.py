"""Initializers: moments, limits and orthogonality against the formulas."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.initializers import (
    Glorot,
    He,
    Initializer,
    LeCun,
    Normal,
    Orthogonal,
    Uniform,
    Zeros,
)
from fnn.layers import Dense
from fnn.shapes import shape
from fnn.spec import SpecError, numbers

KEY = jax.random.key(4, impl="unsafe_rbg")
SHAPE = (3, 80, 50)
"""(…, I, O): the fans are the last two, the rest is a stack"""
SIZE = 3 * 80 * 50
DRAWS: dict[Initializer, tuple[str, float]] = {
    Normal(): ("normal", 0.01**2),
    Normal(0.5): ("normal", 0.5**2),
    Uniform(): ("uniform", 0.05**2 / 3),
    Uniform(2.0): ("uniform", 2.0**2 / 3),
    Glorot(): ("uniform", 2 / 130),
    Glorot("normal"): ("normal", 2 / 130),
    He(): ("normal", 2 / 80),
    He("uniform"): ("uniform", 2 / 80),
    LeCun(): ("normal", 1 / 80),
    LeCun("uniform"): ("uniform", 1 / 80),
}
"""each one's distribution and variance"""


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    draw = jax.jit(lambda specs: [spec.draw(KEY, SHAPE, jnp.float64) for spec in specs])
    return jax.device_get(draw([numbers(spec) for spec in DRAWS]))


@pytest.mark.parametrize("index", range(len(DRAWS)), ids=[repr(spec) for spec in DRAWS])
def test_moments_and_limits(drawn: list[np.ndarray], index: int) -> None:
    """Mean, variance, fourth moment within five standard errors; the uniform ones fill limits."""
    distribution, variance = list(DRAWS.values())[index]
    x = drawn[index] / variance**0.5
    assert x.shape == SHAPE
    kurtosis, eighth = {"normal": (3, 105), "uniform": (1.8, 9)}[distribution]
    for found, expected, spread in (
        (x.mean(), 0, 1),
        ((x**2).mean(), 1, kurtosis - 1),
        ((x**4).mean(), kurtosis, eighth - kurtosis**2),
    ):
        assert abs(found - expected) < 5 * np.sqrt(spread / SIZE)
    for layer in x:
        assert abs((layer**2).mean() - 1) < 5 * np.sqrt((kurtosis - 1) / layer.size)
    if distribution == "uniform":
        assert 0.999 * 3**0.5 < abs(x).max() <= 3**0.5
    assert np.unique(x).size > 0.999 * SIZE, "every entry is drawn anew"


@pytest.mark.parametrize("axes", [(6, 4), (4, 6), (5, 5), (2, 3, 6, 4), (2, 4, 6)])
def test_orthogonal(axes: tuple[int, ...]) -> None:
    """Orthonormal rows or columns, whichever are fewer, in every matrix of a stack."""
    q = np.asarray(jax.jit(lambda spec: spec.draw(KEY, axes, jnp.float64))(numbers(Orthogonal(3))))
    assert q.shape == axes
    q = q.reshape(-1, *axes[-2:]) / 3
    tall = axes[-2] >= axes[-1]
    gram = np.einsum("nio,nip->nop" if tall else "nio,njo->nij", q, q)
    few = min(axes[-2:])
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(few), gram.shape), atol=1e-14)
    for matrix in q[1:]:
        assert abs(matrix - q[0]).max() > 0.1, "each matrix of a stack is its own"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", [Zeros(), *DRAWS, Orthogonal()], ids=repr)
def test_shape_and_dtype(spec: Initializer, dtype: Any) -> None:
    """Whatever the dtype of the spec's own numbers."""
    for given in (spec, numbers(spec, jnp.float32), numbers(spec, jnp.float64)):
        made = jax.eval_shape(lambda given=given: given.draw(KEY, (4, 3), jnp.dtype(dtype)))
        assert (made.shape, made.dtype) == ((4, 3), dtype)


def test_the_key_decides() -> None:
    specs = [*DRAWS, Orthogonal()]
    draw = jax.jit(lambda key: [spec.draw(key, (4, 3), jnp.float64) for spec in specs])
    first, same, other = (jax.device_get(draw(jax.random.key(seed))) for seed in (1, 1, 2))
    for a, b, c in zip(first, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()


def test_zeros() -> None:
    np.testing.assert_array_equal(Zeros().draw(KEY, (2, 3), jnp.float64), np.zeros((2, 3)))


@pytest.mark.parametrize("spec", [Glorot(), He(), LeCun(), Orthogonal()], ids=repr)
@pytest.mark.parametrize("axes", [(), (4,)])
def test_vectors_have_no_fans(spec: Initializer, axes: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"a matrix, got shape .* biases take Zeros or Normal"):
        spec.draw(KEY, axes, jnp.float64)
    with pytest.raises(SpecError, match="needs a matrix"):
        jax.eval_shape(lambda: Dense(4, bias_init=spec).init(KEY, shape(3)))


def test_names_and_bounds() -> None:
    assert Dense(3, "he").weight_init == He()
    with pytest.raises(SpecError, match=r"weight_init: unknown name 'xavier' \(known: glorot, he"):
        Dense(3, "xavier")
    with pytest.raises(SpecError, match="did you mean 'uniform'"):
        Glorot("unifrom")
    with pytest.raises(SpecError, match="scale: expected at least 0, got -1"):
        Normal(-1.0)
