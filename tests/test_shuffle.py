"""An epoch's order: every row once, every order as likely as any other."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from scipy import stats

from fnn.training.program.shuffle import shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 90, 1_792, 65_536, 65_537, 200_000])
def test_every_row_once(count: int) -> None:
    order = shuffled(jax.random.key(3), count)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_all_orders_are_equally_likely() -> None:
    keys = jax.random.split(jax.random.key(0), 24_000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, 4)))(keys))
    known = {order: number for number, order in enumerate(itertools.permutations(range(4)))}
    counts = np.bincount([known[tuple(order)] for order in drawn.tolist()], minlength=24)
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("count", [1_000, 70_000])
def test_rows_move_anywhere(count: int) -> None:
    """No order shows in where rows come to stand, nor in who follows whom."""
    order = np.asarray(shuffled(jax.random.key(1), count))
    counts = np.histogram2d(np.arange(count), order, bins=8)[0].ravel()
    assert stats.chisquare(counts).pvalue > 1e-3
    ascents = (np.diff(order) > 0).sum()
    assert abs(ascents - (count - 1) / 2) < 4 * np.sqrt((count + 1) / 12)
    fixed = (order == np.arange(count)).sum()
    assert fixed < 8


def test_another_key_is_another_order() -> None:
    one, two = (np.asarray(shuffled(jax.random.key(seed), 500)) for seed in (0, 1))
    assert (one == two).sum() < 8
    np.testing.assert_array_equal(one, shuffled(jax.random.key(0), 500))
