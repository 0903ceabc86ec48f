"""Where patience would have ended a run, and what is said of a run without a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn.cli.output.run import earlier_end
from tests.processes import call


@pytest.mark.parametrize(
    ("values", "best", "end"),
    [
        ([3, 2, 1, *[2] * 97], 3, 13),  # a loss: 10 epochs after the third
        ([0.1, 0.9, *[0.5] * 98], 2, 12),  # an accuracy
        ([3, 2, 1, *[2] * 10], 3, None),  # hardly earlier than its end
        ([3, 2, *[2.5] * 20, 1, *[2] * 77], 23, None),  # it would have kept another epoch
        ([1, np.nan, *[2, np.nan] * 49], 1, 21),  # validated every second epoch
        ([2, 1], 2, None),
    ],
)
def test_where_patience_would_have_ended(values: list[float], best: int, end: int | None) -> None:
    assert earlier_end(np.array(values), best) == end


def test_a_run_that_was_interrupted_in_its_first_epoch(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said of how good it is: a step tells nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fnn.cli.process.signals.StopRequest.__call__", lambda self: 2)
    words = ("train", "iris", "--epochs", "3", "--hidden", "4", "--out", "a", "--no-figures")
    done = call(capsys, *words)
    assert done.status == 130
    assert "interrupted in the first epoch, at step 1\n" in done.out
    assert "test accuracy" not in done.out and "rows a second" not in done.out
    record = json.loads((tmp_path / "a" / "result.json").read_text())
    assert (record["epochs"], record["validation"], record["test"]) == (0, None, None)


def test_a_repeated_run_says_what_has_changed(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--epochs", "1", "--hidden", "4", "--no-figures")
    assert call(capsys, "train", "iris", *words, "--out", "a").status == 0
    assert "note:" not in call(capsys, "train", "--config", "a", "--no-save").out
    path = tmp_path / "a" / "config.json"
    record = json.loads(path.read_text())
    record["versions"]["jax"] = "0.9.0"
    record["random"]["jax_default_prng_impl"] = "rbg"
    path.write_text(json.dumps(record | {"digest": None}))
    said = call(capsys, "train", "--config", "a", "--no-save").out
    assert "note: versions.jax was 0.9.0, is " in said and ": other bits than a\n" in said
    assert "note: random.jax_default_prng_impl was rbg, is threefry2x32: other bits" in said
    del record["random"]
    path.write_text(json.dumps(record | {"digest": None}))
    said = call(capsys, "train", "--config", "a", "--no-save").out
    assert "a does not say how random numbers were drawn: it is of an older fnn" in said
