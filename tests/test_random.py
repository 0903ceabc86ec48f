"""Bits drawn in place are JAX's own, for every shape, kind of key and transformation."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest

from fnn.random import random_bits

SIGMAS = 5


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 5), (2, 3, 4), (2, 0)])
@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_bits_are_those_of_jax(shape: tuple[int, ...], make: object) -> None:
    for seed in (0, 1, 2**32 - 1):
        key = make(seed)  # type: ignore[operator]
        drawn = random_bits(key, shape)
        assert drawn.dtype == np.uint32
        np.testing.assert_array_equal(drawn, jax.random.bits(key, shape, np.uint32))


def test_bits_are_the_same_compiled_and_for_each_of_many_keys() -> None:
    keys = jax.random.split(jax.random.key(3), 4)
    draw = functools.partial(random_bits, shape=(5, 3))
    wanted = np.stack([jax.random.bits(key, (5, 3), np.uint32) for key in keys])
    np.testing.assert_array_equal(jax.vmap(draw)(keys), wanted)
    np.testing.assert_array_equal(jax.jit(draw)(keys[2]), wanted[2])


def test_keys_of_another_kind_are_left_to_jax() -> None:
    key = jax.random.key(0, impl="rbg")
    np.testing.assert_array_equal(random_bits(key, (9,)), jax.random.bits(key, (9,), np.uint32))


def test_bits_draw_no_loop() -> None:
    """What reads them can be fused with them: the reason why they exist."""
    jaxpr = jax.make_jaxpr(functools.partial(random_bits, shape=(8,)))(jax.random.key(0))
    compiled = (
        jax.jit(functools.partial(random_bits, shape=(8,))).lower(jax.random.key(0)).compile()
    )
    assert "threefry2x32" not in str(jaxpr)
    assert " while(" not in compiled.as_text()


def test_words_are_independent() -> None:
    """Neighbors, the two halves of a draw, and each of the upper 16 bits."""
    half = 2**15
    words = np.asarray(jax.jit(random_bits, static_argnums=1)(jax.random.key(0), (2 * half,))) >> 16
    single = (words[:, None] >> np.arange(16, dtype=np.uint32)) & 1
    assert (abs(single.mean(0) - 0.5) < SIGMAS * 0.5 / np.sqrt(2 * half)).all()
    centered = (words - 32767.5) / np.sqrt((65536**2 - 1) / 12)
    for lag in (1, 2, half):
        product = centered[:-lag] * centered[lag:]
        assert abs(product.mean()) < SIGMAS / np.sqrt(product.size), lag
    signed = 2.0 * single - 1
    between_halves = signed[:half].T @ signed[half:] / half
    within = signed.T @ signed / (2 * half) - np.eye(16)
    for correlation in (between_halves, within):
        assert abs(correlation).max() < SIGMAS / np.sqrt(half)
