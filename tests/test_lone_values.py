"""Layers that would standardize single values are told before anything is trained."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD
from fnn.spec import FnnWarning
from fnn.training.lone_values import warn_of_lone_values
from fnn.training.program.epoch import Plan
from tests.processes import run_here

NORM = fnn.Serial(fnn.Dense(3), fnn.Residual(fnn.BatchNorm()), fnn.Dense(2))
LONE = "net.layers[1].inner (BatchNorm) has one value of each feature "
LAST = "in the last batch of an epoch, as {} rows in batches of {} leave one row: take another "
TOLD: list[tuple[fnn.Layer, tuple[int, ...], int, int | str, str | None]] = [
    (NORM, (4,), 33, 1, LONE + "in a batch of one row: take another batch_size, such as 3, or Lay"),
    (NORM, (4,), 33, 8, LONE + LAST.format(33, 8) + "batch_size, such as 9, or LayerNorm. A value"),
    (NORM, (4,), 3, 2, LONE + LAST.format(3, 2) + "batch_size, such as 3, or LayerNorm"),
    (NORM, (4,), 1, "full", LONE + "to standardize, as there is one row: it needs more of them"),
    (NORM, (4,), 33, 9, None),
    (NORM, (4,), 33, "full", None),
    (NORM, (5, 4), 33, 1, None),
    (NORM, (1, 4), 33, 8, LONE + LAST.format(33, 8)),
    (fnn.LayerNorm(), (4,), 33, 1, None),
    (fnn.LayerNorm(), (4, 1), 33, 8, "net (LayerNorm) has one feature: give it more. A value"),
    (fnn.LayerNorm(2), (4, 1), 33, 8, None),
    (fnn.GroupNorm(2, 1), (4,), 33, 8, None),
    (fnn.GroupNorm(4, 1), (4,), 33, 8, "net (GroupNorm) has one feature: give it more"),
    (fnn.GroupNorm(4, 2), (3, 4), 33, 8, None),
]


@pytest.mark.parametrize("row", range(len(TOLD)))
def test_values_that_are_standardized_alone_are_told(row: int) -> None:
    net, in_shape, rows, size, words = TOLD[row]
    run = fnn.Run(fnn.Objective(net, "squared_error"), SGD(0.1), size)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_of_lone_values(run, np.zeros((1, *in_shape), np.float32), Plan.of(run, rows))
    assert [str(one.message)[: len(words or "")] for one in told] == ([words] if words else [])


def test_they_are_told_before_anything_is_trained() -> None:
    """By fits, sweeps and the command line, which goes on after a line."""
    rows = fnn.Batch(np.zeros((33, 4), np.float32), np.zeros((33, 2), np.float32))
    run = fnn.Run(fnn.Objective(NORM, "squared_error"), SGD(0.1), 8)
    for train in (
        lambda: fnn.fit(run, rows, epochs=1),
        lambda: fnn.sweep(run, rows, over={"learning_rate": [0.1, 0.2]}, epochs=1),
    ):
        with pytest.raises(FnnWarning, match="33 rows in batches of 8 leave one row"):
            train()


def test_the_command_line_tells_them_in_a_line(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{i},{i % 7},{i % 2}" for i in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,c", *lines]))
    words = "train rows.csv --target c --batch-norm --batch-size 1 --epochs 1 --hidden 2 --no-save"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run_here(words.split()) == 0
    told = capsys.readouterr().err.splitlines()
    assert any(
        line.startswith("fnn: warning: net.layers[1] (BatchNorm) has one value of each feature in")
        for line in told
    ), told
