"""The side-by-side benchmark: all contestants do the same work, and what is said of it is right."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import runpy
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import peers
from experiments.peers.training import end_to_end, processes, tables
from experiments.peers.training.contestants import ENTRIES, Entry, Kind, entries
from experiments.peers.training.figure import draw
from experiments.peers.training.processes import PeerError, Process, check_peers
from experiments.peers.training.rounds import Record, Timing, measure
from experiments.peers.training.targets import Ratio, ratio, relative, verdicts
from experiments.peers.training.workloads import WORKLOADS, Params, Workload
from fnn import xla
from fnn.spec import FnnError
from fnn.training.program.epoch import order
from fnn.training.program.shuffle import shuffled

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Keras"""

FULL = Workload("full", (5, 8, 6, 3), 24, 24, optimizer="sgd", rate=0.3)
RAGGED = Workload("ragged", (5, 8, 3), 50, 16)
DROPOUT = replace(RAGGED, dropout=0.5)
TWO = Workload("two", (2, 4, 1), 4, 4, "tanh", None, "sgd", 1.0)
HERE = {"fnn": "jax", "bare": "jax", "scikit": "sklearn", "numpy": "numpy"}
PEERS = {
    "keras": "keras",
    "keras-steps": "keras",
    "flax": "flax",
    "flax-tree": "flax",
    "equinox": "equinox",
    "torch": "torch",
}
LEARNING = [*HERE, *PEERS]
COMPARED = [name for name in LEARNING if name != "numpy"]


@pytest.fixture(autouse=True)
def _as_users_have_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Promotion as it is outside of these tests: the peers' own code needs it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        jax.enable_x64(False),
    ):
        yield


def needs(library: str) -> None:
    """Skip where it is not installed. It is not imported: who does that has to prepare it."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")


def contestant(name: str, work: Workload) -> Any:
    """One at its start; skipped where its library is missing."""
    needs((HERE | PEERS)[name])
    module, _, made = ENTRIES[name].place.partition(":")
    found = getattr(importlib.import_module(f"{processes.PACKAGE}.{module}"), made)(work)
    found.load(work.params())
    return found


def flat(params: Params) -> np.ndarray:
    return np.concatenate([leaf.ravel() for pair in params for leaf in pair])


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("work", [FULL, RAGGED, TWO], ids=lambda work: work.name)
def test_all_have_the_same_parameters_and_outputs(name: str, work: Workload) -> None:
    found, wanted = contestant(name, work), work.params()
    for pair, other in zip(found.params(), wanted, strict=True):
        for leaf, given in zip(pair, other, strict=True):
            assert leaf.dtype == np.float32
            np.testing.assert_array_equal(leaf, given)
    x = work.draw(7, 3).x
    output, logits = found.predict(x), contestant("numpy", work).predict(x)
    assert isinstance(output, np.ndarray) and output.dtype == np.float32
    if name == "scikit":
        logits = np.concatenate([-logits / 2, logits / 2], 1) if work is TWO else logits
        logits = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(output, logits, rtol=1e-5, atol=1e-6)
    assert found.evaluate() == pytest.approx(contestant("numpy", work).evaluate(), rel=1e-5)


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("work", [FULL, TWO], ids=lambda work: work.name)
def test_full_batches_take_all_to_the_same_parameters(name: str, work: Workload) -> None:
    found, by_hand = contestant(name, work), contestant("numpy", work)
    found.train(40), by_hand.train(40)
    np.testing.assert_allclose(flat(found.params()), flat(by_hand.params()), atol=2e-5)
    assert by_hand.evaluate() != contestant("numpy", work).evaluate()


def test_batches_in_one_order_take_all_to_the_same_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Adam, two epochs with a ragged last batch, in the order of fnn's."""
    ours = contestant("fnn", RAGGED)
    orders = [
        np.asarray(order(ours.source.plan, ours.state.order_key, jnp.int32(epoch)))
        for epoch in range(2)
    ]
    loss = ours.train(2)

    class Drawn:
        """Draws those orders."""

        def __init__(self) -> None:
            self.left = list(orders)

        def permutation(self, count: int) -> np.ndarray:
            return self.left.pop(0)

    for name in ("bare", "numpy", "flax", "flax-tree", "equinox", "torch"):
        try:
            other = contestant(name, RAGGED)
        except pytest.skip.Exception:
            continue
        other.draw = drawn = Drawn()
        if name == "bare":
            monkeypatch.setattr(jax.random, "permutation", shuffled)
        if name == "torch":
            import torch

            take = lambda count, device: torch.tensor(drawn.permutation(count))  # noqa: B023, E731
            monkeypatch.setattr(torch, "randperm", take)
        assert other.train(2) == pytest.approx(loss, rel=0.05), name
        np.testing.assert_allclose(flat(other.params()), flat(ours.params()), atol=2e-6)


@pytest.mark.parametrize("name", LEARNING)
def test_every_row_is_seen_once_an_epoch(name: str) -> None:
    """Small steps add up, to first order, to one long step along the mean over all rows."""
    work = replace(RAGGED, optimizer="sgd", rate=1e-3, rows=48)
    found = contestant(name, work)
    together = contestant("numpy", replace(work, batch=48, rate=3e-3))
    start = flat(work.params())
    found.train(1), together.train(1)
    moved, wanted = flat(found.params()) - start, flat(together.params()) - start
    assert np.abs(moved - wanted).max() < 0.01 * np.abs(wanted).max()


@pytest.mark.parametrize("name", LEARNING)
def test_the_ragged_batch_is_trained_on(name: str) -> None:
    """Adam's first steps are as long as its rate: 4 of them, for 4 batches."""
    found = contestant(name, RAGGED)
    found.train(1)
    longest = np.abs(flat(found.params()) - flat(RAGGED.params())).max()
    assert longest == pytest.approx(4 * RAGGED.rate, rel=0.05)


@pytest.mark.parametrize("name", LEARNING)
def test_orders_differ_from_epoch_to_epoch(name: str) -> None:
    """Which rows fall into the ragged batch shows."""
    work = replace(RAGGED, optimizer="sgd", rate=0.01)
    found, ended = contestant(name, work), []
    for _ in range(2):
        found.train(1)
        ended.append(flat(found.params()))
        found.load(work.params())
    assert np.abs(ended[0] - ended[1]).max() > 1e-5


@pytest.mark.parametrize(
    "name", [name for name in LEARNING if "dropout" not in ENTRIES[name].not_in]
)
def test_dropout_is_drawn_in_training_alone(name: str) -> None:
    """The loss of a training epoch differs from that without; evaluation is as without."""
    found, plain = contestant(name, DROPOUT), contestant(name, RAGGED)
    assert found.evaluate() == pytest.approx(plain.evaluate(), rel=1e-6)
    found.train(1), plain.train(1)
    assert np.abs(flat(found.params()) - flat(plain.params())).max() > 1e-4
    assert found.evaluate() == found.evaluate()


class Fine:
    """Does nothing."""

    def __init__(self, work: Workload) -> None:
        print("whatever a library prints does not disturb")

    def load(self, params: Params) -> None:
        pass

    def train(self, epochs: int) -> float:
        return 0.5

    def evaluate(self) -> float:
        return math.nan


class Dies(Fine):
    def evaluate(self) -> float:
        raise RuntimeError("the library gave up")


class Killed(Fine):
    def train(self, epochs: int) -> float:
        os.kill(os.getpid(), 9)
        return 0.0


class Silent(Fine):
    def train(self, epochs: int) -> float:
        time.sleep(60)
        return 0.0


def fake(place: str, **given: Any) -> Entry:
    return Entry(f"the {place}", place, Kind.FRAMEWORK, peer=False, **given)


FAKES = {
    "fnn": fake("tests.test_training_peers:Fine"),
    "torch": fake("tests.test_training_peers:Dies"),
    "flax": fake("tests.test_training_peers:Missing"),
}
HELD = Workload("digits", (4, 5, 3), 40, 16, epochs=3, slow_epochs=2)


def test_a_contestants_process(tmp_path: Path) -> None:
    process = Process("bare", ENTRIES["bare"], HELD, Path(sys.executable), tmp_path)
    try:
        assert process.started["import"] > 0 and process.started["set_up"] > 0
        told = process.ask(do="train", epochs=2)
        assert told["seconds"] > 0 and 0.5 < told["value"] < 3 and told["waiting"] >= 0
        assert 0.5 < process.ask(do="evaluate")["value"] < 3
        assert math.isfinite(process.ask(do="predict", rows=7, calls=2)["value"])
        told = process.ask(do="report")
        assert 2e7 < told["memory"] < 2e9
        assert told["versions"]["jax"] == jax.__version__ and "torch" not in told["versions"]
    finally:
        process.end()
    with pytest.raises(PeerError, match=r"bare lax\.scan ended by signal 9"):
        process.ask(do="evaluate")


def test_what_fnn_tells_xla_is_for_fnn_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Peers compile as their users' programs do."""
    own = "--xla_cpu_max_isa=AVX2"
    monkeypatch.setattr(xla, "USER_FLAGS", own)
    monkeypatch.setenv("XLA_FLAGS", f"{own} {xla.SMALL_LOOPS}")
    assert processes.environment(tmp_path)["XLA_FLAGS"] == own


def test_one_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    records = measure(HELD, FAKES, 2, Path(sys.executable), tmp_path)
    fine, dies, missing = records
    assert not fine.failure and fine.tasks["epoch"].value == 0.5 and fine.memory > 1e7
    assert [len(fine.tasks[task].seconds) for task in ("epoch", "evaluate")] == [2, 2]
    assert fine.tasks["epoch"].times == 2
    assert dies.failure.endswith("ended with status 1: RuntimeError: the library gave up")
    assert "has no attribute 'Missing'" in missing.failure
    lines = list(tables.table(records))
    assert lines[0].split()[:2] == ["epoch", "×"] and "gave up" in lines[2]
    assert "2 epochs a turn instead of 3" in next(tables.notes(records, HELD))
    draw(records, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("made", "complaint"), [("Killed", "by signal 9"), ("Silent", "no answer within 1 s")]
)
def test_one_that_is_killed_or_silent(
    made: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = fake(f"tests.test_training_peers:{made}")
    process = Process("torch", entry, HELD, Path(sys.executable), tmp_path)
    monkeypatch.setattr(processes, "PATIENCE", 1.0)
    with pytest.raises(PeerError, match=complaint):
        process.ask(do="train", epochs=1)


def record(name: str, work: str, seconds: float, task: str = "epoch", **given: Any) -> Record:
    timed = Timing(1, [seconds, 2 * seconds, 3 * seconds], first=9 * seconds, value=0.1)
    return Record(name, work, {task: timed}, importing=0.5, **given)


def test_ratios_are_those_of_neighboring_turns() -> None:
    assert ratio([2.0, 8.0, 3.0], [1.0, 2.0, 3.0]) == Ratio(1.5, 2.0, 3.0)
    assert Ratio(1.0, 2.0, 4.0).inverse == Ratio(0.25, 0.5, 1.0)
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
    found = relative([record("fnn", "xor", 1.0), record("torch", "xor", 3.0)], "xor", "epoch")
    assert found["torch"].middle == pytest.approx(3) and found["fnn"] == (1, 1, 1)
    assert relative([record("torch", "xor", 3.0)], "xor", "epoch") == {}


def test_goals_can_be_missed() -> None:
    """The fastest of the others counts; who is missing is named; what fnn lacks is not measured."""
    rows = WORKLOADS["mnist"].nbytes
    records = [
        record("fnn", "mnist", 1.0, memory=2 * rows + 2),
        record("keras", "mnist", 1.7, memory=rows + 1),
        record("torch", "mnist", 1.5, memory=rows + 2),
        record("numpy", "mnist", 0.1, memory=1),
        record("flax", "mnist", 0.1, failure="Flax ended with status 1: …"),
        record("floor", "mnist", 0.95),
        record("fnn", "wide", 1.0),
        record("numpy", "wide", 1.2),
    ]
    speed, floor, wide, above, memory = verdicts(records, ["mnist", "wide"])
    assert (speed.reached, floor.reached, memory.reached) == (False, True, False)
    assert speed.wanted == "≥ 1.6 × as fast as the fastest framework"
    assert speed.found.startswith("1.5 (1.5 to 1.5), PyTorch; without Keras, steps_per_execution")
    assert "Flax NNX" in speed.found and "Keras on JAX" not in speed.found
    assert floor.wanted == "≤ 1.1 × as long as the floor" and floor.found.startswith("1.05 (")
    assert (wide.reached, above.reached, above.found) == (True, None, "not measured")
    assert memory.found.endswith("188 MB (Keras on JAX) + 188 MB")
    lines = list(tables.targets([speed, floor, wide, above, memory]))
    assert lines[0].startswith("NOT reached") and lines[-1].startswith("2 of 4 goals reached")
    records[1] = replace(records[1], memory=rows + 2)
    assert verdicts(records, ["mnist"])[-1].reached


def test_tables_show_each_contestant() -> None:
    records = [record("fnn", "xor", 2e-6), record("torch", "xor", 5e-3)]
    head, ours, theirs = tables.table(records, shown=10_000)
    assert head.split()[:2] == ["10,000", "epochs"]
    assert ours.split() == [
        *("fnn", "40", "ms", "1", "1", "to", "1", "18", "µs", "0.1000", "–", "500", "ms")
    ]
    assert "100 s" in theirs and "2,500" in theirs
    assert tables.seconds(math.nan) == "–"


def test_rows_are_the_same_for_all_and_can_be_learnt() -> None:
    work = WORKLOADS["digits"]
    rows, again = work.train(), work.train()
    assert rows.x.shape == (1792, 64) and rows.x.dtype == np.float32
    np.testing.assert_array_equal(rows.x, again.x)
    assert np.bincount(rows.target, minlength=10).min() > 50
    assert work.steps == 56 and WORKLOADS["mnist"].steps == 469 and WORKLOADS["xor"].steps == 1
    learner = contestant("numpy", work)
    before = learner.evaluate()
    learner.train(20)
    assert learner.evaluate() < 0.5 * before


def test_who_takes_part() -> None:
    assert list(entries(["floor", "scikit"], "mnist")) == ["fnn", "scikit", "floor"]
    assert list(entries(["floor", "scikit"], "dropout")) == ["fnn", "floor"]


def test_whole_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sound.py").write_text("print('test accuracy 0.9650 (360 rows)')")
    (tmp_path / "broken.py").write_text("raise SystemExit('no data')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    programs = {"fnn": ["sound"], "keras": ["broken"], "torch": ["sound"]}
    monkeypatch.setattr(end_to_end, "PROGRAMS", programs)
    records = end_to_end.processes(["keras", "floor"], 2, Path(sys.executable), tmp_path)
    sound, broken = records
    assert sound.tasks["process"].value == 0.965 and len(sound.tasks["process"].seconds) == 2
    assert broken.failure == "Keras on JAX ended with status 1: no data"
    assert "0.9650" in list(tables.table(records))[1]


@pytest.mark.parametrize("name", ["fnn", "keras", "torch"])
def test_programs_from_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    needs(name)
    runpy.run_module(f"{processes.PACKAGE}.digits_scripts.{name}_script")
    assert float(capsys.readouterr().out.split()[-1]) > 0.9


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(WORKLOADS, "digits", HELD)
    options = ["--only", "digits", "--peers", "numpy", "floor", "--rounds", "2"]
    assert peers.main([*options, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "digits: 4-5-3, relu; 40 rows in batches of 16; adam at 0.001" in told
    assert "NumPy by hand" in told and "of 1 goals reached; not measured: 1" in told
    data = json.loads((tmp_path / "result.json").read_text())
    assert [one["contestant"] for one in data["records"]] == ["fnn", "numpy", "floor"]
    assert data["machine"]["cores"] and data["versions"]["jax"] == jax.__version__
    assert [goal["reached"] for goal in data["goals"]].count(None) == 1
    assert (tmp_path / "peers.png").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--python", "/nowhere/python"], "pip install 'torch"),
        (["--peers", "numpy", "--out", os.devnull + "/below"], "null"),
    ],
)
def test_bad_input_is_told(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert peers.main(options) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rounds=0", "--only=mist", "--peers=caffe"])
def test_bad_options_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        peers.main([option])
    assert "expected" in (told := capsys.readouterr().err) or "invalid choice" in told


def test_a_python_that_is_there_will_do() -> None:
    check_peers(Path(sys.executable))
    with pytest.raises(FnnError, match=r"scripts/setup\.py"):
        check_peers(Path(os.devnull) / "python")
