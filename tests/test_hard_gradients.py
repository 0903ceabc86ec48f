"""Gradients that are hard to judge: corners, edges of domains, bad scales, what can't be seen."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.audit_power.hard_cases import Case, cases, wrong
from fnn.audit import Audit, audit_gradient

CASES = [case for case in cases(0) if not isinstance(case.f(case.point), jnp.ndarray)]
BEYOND = {"gradients of 1e8 beside 1e-8"}
"""the small one lies below the rounding of the function's value"""
CORNERS = ("relu", "absolute", "a tie", "hidden")


def audited(case: Case, gradient: Any) -> Audit:
    with np.errstate(all="ignore"):
        return audit_gradient(case.f, gradient, case.point, checks=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_right_gradient_is_proved_or_the_reason_told(case: Case) -> None:
    found = audited(case, case.right)
    if case.name in BEYOND:
        (row,) = [row for row in found.rows if row.verdict != "PASS"]
        assert row.verdict == "UNRESOLVED"
        assert "too small to see: at [" in row.note
        assert "the value rounds by" in row.note
    else:
        assert found.ok
    corner = any(row.verdict == "KINK" for row in found.rows)
    assert corner == case.name.startswith(CORNERS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_element_is_found(case: Case) -> None:
    rows = audited(case, wrong(case)).rows
    (row,) = [row for row in rows if row.verdict == "WRONG"]
    assert row.path == case.leaf
    assert row.worst is not None
    assert row.worst.index == np.unravel_index(case.at, row.shape)
    right = float(np.ravel(case.right(case.point)[case.leaf])[case.at])
    if not case.name.startswith(CORNERS):
        assert row.worst.numerical == pytest.approx(right, rel=1e-2)


def test_an_automatic_gradient_that_is_nan_is_told() -> None:
    def f(x: Any) -> Any:
        return jnp.where(x < 1, x, jnp.sqrt(x)).sum()

    x = np.array([0, 0.5, 4])
    found = audit_gradient(f, lambda x: np.where(x < 1, 1, 0.5 / np.sqrt(np.maximum(x, 1))), x)
    assert found.ok
    (row,) = found.rows
    assert row.verdict == "PASS"
    assert "the automatic gradient is not finite at 1, where the function is" in row.note
    found = audit_gradient(f, lambda x: np.array([2.0, 1.0, 0.25]), x, checks=False)
    assert found.rows[0].verdict == "WRONG"
    assert found.rows[0].worst.index == (0,)


def test_an_argument_without_elements() -> None:
    found = audit_gradient(lambda x: jnp.sum(x) + 1.0, lambda x: x, np.zeros((0, 3)))
    assert found.ok
    assert "empty" in str(found)
