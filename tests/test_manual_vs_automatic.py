"""The comparison of the two gradients measures what it says, and can come out either way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import manual_vs_automatic
from experiments.two_gradients import conclusions, costs, programs, tables, trajectories
from experiments.two_gradients.costs import CONTESTANTS, MEASURES, TIMED, Cost
from experiments.two_gradients.programs import Program
from experiments.two_gradients.trajectories import Drift, drift
from fnn.gradients import METHODS


def test_trajectories_agree_in_float64() -> None:
    """The same masks of dropout too. Without LLVM's optimization, as here, often to the bit."""
    found = drift("BatchNorm and dropout, Adam", "float64", seeds=[3], steps=50)
    assert found.manual.shape == found.nudged.shape == (1, 51)
    assert found.manual.dtype == np.float64
    assert found.manual[0, 0] == 0 and 0 < found.nudged[0, 0] < 1e-15
    assert found.manual.max() < 1e-12
    assert np.ptp(found.losses) < 1e-12 and 0 < found.losses.min() < 3


def test_float32_is_float32_and_a_wrong_gradient_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    right = METHODS["manual"]

    def wrong(objective: Any) -> Any:
        def run(*arguments: Any, key: Any) -> Any:
            value, grads = right(objective)(*arguments, key=key)
            return value, jax.tree.map(lambda grad: grad * np.float32(1.001), grads)

        return run

    name = "64-32-10 relu, SGD"
    agreed = drift(name, "float32", seeds=[0], steps=40)
    assert agreed.manual.dtype == np.float32 and agreed.manual[0, 0] == 0
    assert 1e-10 < agreed.nudged[0, 0] < 1e-7 and agreed.manual.max() < 1e-6
    assert "none" in list(conclusions.drift_words([agreed]))[-1]
    monkeypatch.setitem(METHODS, "manual", wrong)
    found = drift(name, "float32", seeds=[0], steps=41)  # another length: JAX traces anew
    assert found.manual[0, -1] > 1e-5
    assert f"{name}, float32" in list(conclusions.drift_words([found]))[-1]


def test_one_parameter_moves_by_one_ulp() -> None:
    draw = np.random.default_rng(0)
    layers = [{"weight": draw.normal(size=(3, 4)), "bias": np.zeros(4)} for _ in range(2)]
    params = {"layers": jax.tree.map(jnp.asarray, tuple(layers))}
    moved = trajectories.nudged(params)
    pairs = list(zip(jax.tree.leaves(params), jax.tree.leaves(moved), strict=True))
    changed = [(np.asarray(a)[a != b], np.asarray(b)[a != b]) for a, b in pairs if (a != b).any()]
    ((before, after),) = changed
    assert before.shape == (1,) and abs(after[0]) > abs(before[0])
    assert abs(after[0] - before[0]) == np.spacing(abs(before[0]))


def test_batches_go_through_all_rows() -> None:
    order = trajectories.batches(100, 7, 0)
    assert order.shape == (7, trajectories.BATCH)
    for epoch in (order[:3], order[3:6]):
        assert len(set(epoch.ravel())) == 96 and set(epoch.ravel()) <= set(range(100))


def test_a_row_is_measured() -> None:
    """Whatever is lowered or compiled again is really done again, and the analyses are there."""
    program = programs.programs(quick=True)[0]
    found = costs.cost(program, rounds=3, compilations=2)
    assert {measure: len(found.seconds[measure]["again"]) for measure in TIMED} == {
        "step": 3,
        "lower": 4,
        "compile": 2,
    }
    for measure in ("lower", "compile"):
        assert all(seconds.min() > 2e-3 for seconds in found.seconds[measure].values())
    assert 0 < found.seconds["step"]["manual"].max() < 0.1
    line = tables.cost_line(found)
    for measure in ("flops", "memory"):
        told = found.value(measure)
        assert (told is not None and told > 0) or tables.ABSENT in line
    assert line.startswith(program.name)
    json.dumps(found.to_json(), default=np.ndarray.tolist)


def test_every_program_can_be_built() -> None:
    every = programs.programs()
    assert len({program.name for program in every}) == len(every) == 40
    assert set(programs.programs(quick=True)) <= set(every)
    for program in every[::5]:
        *_, batch, _ = jax.eval_shape(program.arguments)
        assert batch.x.shape == (program.batch, program.width)


class Failing:
    """A compiled program of a backend without analyses."""

    def cost_analysis(self) -> Any:
        raise NotImplementedError

    def memory_analysis(self) -> Any:
        return None


@pytest.mark.parametrize("compiled", [Failing(), SimpleNamespace(), None])
def test_absent_analyses_are_none(compiled: Any) -> None:
    assert set(costs.analyses(compiled).values()) == {None}


def test_an_unknown_count_is_none() -> None:
    told = SimpleNamespace(cost_analysis=lambda: {"flops": -1.0, "transcendentals": 3.0})
    assert costs.analyses(told) == {"flops": None, "transcendentals": 3.0, "memory": None}


def made(ratios: dict[str, float], index: int, told: bool = True) -> Cost:
    """A cost with these ratios of manual / automatic, and timings that vary by 2 %."""
    draw = np.random.default_rng(index)

    def times(ratio: float) -> dict[str, np.ndarray]:
        return {
            name: (ratio if name == "manual" else 1.0) * (1 + 0.02 * draw.standard_normal(20))
            for name in CONTESTANTS
        }

    seconds = {measure: times(ratios.get(measure, 1.0)) for measure in TIMED}
    counts: dict[str, dict[str, float | None]] = {
        measure: {
            name: 1000 * (ratios.get(measure, 1.0) if name == "manual" else 1.0) if told else None
            for name in CONTESTANTS
        }
        for measure in ("flops", "transcendentals", "memory")
    }
    axis, value = [("width", 32), ("batch", 4), ("depth in one scan", 2), ("kind", "relu")][
        index % 4
    ]
    return Cost(Program(f"{axis}", value, 32 + index, 2, 4), seconds, counts)


def many(**ratios: float) -> list[Cost]:
    """Forty programs; those ratios hold in all of them."""
    return [
        Cost(
            Program("width", index, 32, 2, 4), made(ratios, index).seconds, made(ratios, index).told
        )
        for index in range(40)
    ]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_verdict_can_go_either_way(measure: str) -> None:
    assert conclusions.verdict(many(), measure).words == conclusions.VERDICTS[-1]
    assert conclusions.verdict(many(**{measure: 0.7}), measure).words == "pays"
    assert conclusions.verdict(many(**{measure: 1.4}), measure).words == "costs"
    mixed = many(**{measure: 0.7})[:15] + many()[15:]
    assert conclusions.verdict(mixed, measure).words == "pays in some programs"
    both = many(**{measure: 0.7})[:20] + many(**{measure: 1.4})[20:]
    assert conclusions.verdict(both, measure).words == "cuts both ways"
    words = list(conclusions.cost_words(many(**{measure: 1.4})))
    assert (
        f"backward by hand costs: {MEASURES[measure]}; makes no difference that can be told:"
        in words[-1]
    )


def test_absent_analyses_are_said() -> None:
    found = [made({}, index, told=False) for index in range(4)]
    words = "\n".join(conclusions.cost_words(found))
    assert "FLOPs: the compiled programs don't tell on this backend" in words
    assert "temporary memory: the compiled programs don't tell" in words
    assert "FLOPs" not in words.splitlines()[-1]
    assert tables.cost_line(found[0]).count(tables.ABSENT) == 2


def drifted(manual: np.ndarray, nudged: np.ndarray) -> Drift:
    return Drift("a network", "float64", manual[None], nudged[None], np.ones((1, 3)))


def test_growth() -> None:
    """Sums of roundings grow as a power of the steps, what training amplifies exponentially."""
    steps = np.arange(1001.0)
    summed = conclusions.growth(drifted(1e-17 * steps, 1e-17 * (1 + steps)))
    assert summed.steps is None and summed.fastest == pytest.approx(10)
    assert summed.ratio == pytest.approx(1, abs=0.01)
    amplified = np.minimum(1e-17 * 10 ** (steps / 20), 1)
    amplified[0] = 0
    found = conclusions.growth(drifted(amplified, amplified + 1e-18))
    assert found.steps == pytest.approx(20, rel=0.05) and found.fastest > 1e3
    assert conclusions.growth(drifted(0 * steps, 0 * steps + 1)).ratio == 0
    *_, last = conclusions.drift_words([drifted(1e-12 * steps, 1e-17 + 0 * steps)])
    assert "a network, float64" in last


@pytest.fixture
def _cache_as_before() -> Iterator[None]:
    before = jax.config.jax_enable_compilation_cache
    yield
    jax.config.update("jax_enable_compilation_cache", before)


@pytest.mark.usefixtures("_cache_as_before")
def test_the_command_writes_and_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Programs on the first axis of the figure don't tell their FLOPs and memory."""
    distances = 1e-17 * np.arange(101.0)
    drifts = [drifted(distances, distances + 1e-18)]
    found = [made({"memory": 0.01}, index, told=index % 4 > 0) for index in range(8)]
    monkeypatch.setattr(manual_vs_automatic, "followed", lambda quick: drifts)
    monkeypatch.setattr(manual_vs_automatic, "measured", lambda quick: found)
    out = tmp_path / "new" / "folder"
    assert manual_vs_automatic.main(["--quick", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "When does it pay?" in printed and "load" in printed
    for name in ("distances", "ratios", "kinds"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "result.json").read_text())
    assert record["versions"]["jax"] == jax.__version__ and record["machine"]["cores"] >= 1
    assert len(record["costs"]) == 8 and record["trajectories"][0]["steps"] == [
        *(0, 1, 2, 5, 10, 20, 50),
        100,
    ]
    assert record["said"]["costs"][-1] in printed


def test_a_bad_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert manual_vs_automatic.main(["--out", str(tmp_path / "file" / "under")]) == 2
    assert "file" in capsys.readouterr().err
