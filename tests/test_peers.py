"""Other checkers of gradients get the same gradients as ours, and are counted alike."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from experiments.audit_power.mutations import CATALOG
from experiments.peers import gradient_checkers
from experiments.peers.checkers import fnn_audits, jax_peers, trials
from experiments.peers.checkers.figure import draw
from experiments.peers.checkers.gradient_cases import GradientCase, programs, random_case
from experiments.peers.checkers.outcomes import Answer, Outcome, layers_of
from experiments.peers.checkers.scores import scores, table
from experiments.peers.checkers.trials import Checker, Trial, run_checkers
from fnn import xla
from fnn.combinators import Serial
from fnn.layers import Dense
from fnn.losses import SquaredError
from fnn.objective import Batch, Objective

FAULTS = {fault.name: fault for fault in CATALOG}
CHECKERS = [
    Checker("jax", "float64", jax_peers.check_grads),
    Checker("chex", "float64", jax_peers.assert_numerical_grads),
    Checker("jax in float32", "float32", jax_peers.check_grads),
    Checker("audit", "float64", fnn_audits.audit_float64, compiles=True),
    Checker("audit_gradient", "float64", fnn_audits.audit_of_functions),
]
PASSES, OBJECTS, UNDECIDED, ERROR = Outcome
PARAMETERS = ("layers[0].bias", "layers[0].weight", "layers[1].bias", "layers[1].weight")


def claim(fault: str = "", path: str = "net.layers[1]") -> GradientCase:
    """A small network, with a fault planted in its last layer or without."""
    draw = np.random.default_rng(0)
    objective = Objective(Serial(Dense(3), Dense(2)), SquaredError())
    batch = Batch(draw.normal(size=(4, 3)), draw.normal(size=(4, 2)))
    if not fault:
        return GradientCase("small", objective, objective, batch)
    by_hand = FAULTS[fault].inject(objective, path)
    return GradientCase("small", objective, by_hand, batch, fault=FAULTS[fault], path=path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_planted_gradient_is_what_the_checkers_get(dtype: str) -> None:
    """The value is the objective's; a stopped cotangent reaches no leaf in front of it."""
    right, wrong = (programs(made, dtype) for made in (claim(), claim("input gradient stopped")))
    assert right.paths == wrong.paths == (*PARAMETERS, "input")
    function = jax_peers.differentiable(wrong)
    value, backward = jax.vjp(function, *wrong.leaves)
    assert value == right.value(right.leaves) and value.dtype == dtype
    gradient = backward(np.asarray(3, dtype))
    for path, found, own in zip(right.paths, gradient, right.gradient(right.leaves), strict=True):
        assert found.dtype == dtype and np.abs(own).max() > 0
        expected = 3 * np.asarray(own) if path.startswith("layers[1]") else 0
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_who_objects_to_what() -> None:
    """JAX's own lets an error of 1e-6 pass, chex whatever is small beside 0.01 times a leaf."""
    named = {"audit", "audit_gradient"}
    for fault, outcomes in (
        ("", [PASSES] * 3),
        ("bias gradient forgotten", [OBJECTS] * 3),
        ("a millionth too large", [PASSES, PASSES, PASSES, OBJECTS, OBJECTS]),
    ):
        found = list(run_checkers(claim(fault), CHECKERS[: len(outcomes)]))
        assert [trial.outcome for trial in found] == outcomes
        assert all(trial.seconds > 0 for trial in found)
        objections = {trial.checker for trial in found if trial.outcome == OBJECTS}
        assert {trial.checker for trial in found if trial.named} == objections & named


def test_torch_is_asked_in_the_same_way() -> None:
    pytest.importorskip("torch")
    from experiments.peers.checkers import torch_peers

    both = [
        Checker("slow", "float64", torch_peers.slow),
        Checker("fast", "float64", torch_peers.fast),
    ]
    for fault, outcome, named in (
        ("", PASSES, False),
        ("bias gradient forgotten", OBJECTS, True),
        ("input gradient stopped", OBJECTS, False),
        ("a millionth too large", PASSES, False),
    ):
        told = [(trial.outcome, trial.named) for trial in run_checkers(claim(fault), both)]
        assert told == [(outcome, named)] * 2, fault


def test_what_is_no_verdict_is_an_error() -> None:
    def broken(claim: GradientCase, programs: Any) -> Answer:
        raise ValueError("cannot be checked")

    def unrelated(claim: GradientCase, programs: Any) -> Answer:
        return jax_peers.asserted(lambda: np.testing.assert_allclose(1, 2, err_msg="VJP primal"))

    found = run_checkers(
        claim(), [Checker("a", "float64", broken), Checker("b", "float64", unrelated)]
    )
    assert [(trial.outcome, trial.words[:28]) for trial in found] == [
        (ERROR, "ValueError: cannot be checke"),
        (ERROR, "AssertionError: Not equal to"),
    ]


def test_layers_of_leaves() -> None:
    assert layers_of("layers[1].inner.layers[0].weight") == ("net.layers[1].inner.layers[0]",)
    assert layers_of("input") == ()


def test_random_networks_are_what_the_audit_draws() -> None:
    drawn = random_case(3)
    assert drawn.fault is None and drawn.by_hand is drawn.objective
    assert str(drawn).startswith("random 3: ")


def trial(checker: str, name: str, outcome: Outcome, **given: Any) -> Trial:
    fault = name if name.startswith("fault") else ""
    options = {"named": False, "corner": False, "words": "", "seconds": 2.0} | given
    return Trial(checker, name, fault, "net", "loss", outcome, **options)


def test_scores_and_their_table_and_figure(tmp_path: Path) -> None:
    """Ours can come out worse; who is not installed has a row without figures."""
    names = ["ours", "theirs", "absent"]
    contestants = [Checker(name, "float64", None) for name in names]
    found = scores(
        contestants,
        [
            trial("ours", "fault 1", OBJECTS, named=True),
            trial("ours", "fault 2", PASSES),
            trial("ours", "fault 3", UNDECIDED, named=True),
            trial("ours", "right 1", OBJECTS, seconds=8.0),
            trial("ours", "right 2", UNDECIDED, corner=True),
            trial("theirs", "fault 1", OBJECTS),
            trial("theirs", "fault 2", OBJECTS),
            trial("theirs", "fault 3", ERROR),
            trial("theirs", "right 1", PASSES),
            trial("theirs", "right 2", OBJECTS),
        ],
    )
    first, second, absent = found
    assert (first.named, first.alarms, first.at_corners) == (1, 1, ())
    assert first.faults.passes == ("fault 2",) and first.faults.undecided == ("fault 3",)
    assert first.right.undecided == ("right 2",) and first.right.seconds == 5.0
    assert (second.named, second.alarms, second.at_corners) == (0, 0, ("right 2",))
    assert second.faults.errors == ("fault 3",) and second.seconds == 10.0
    assert absent.faults.asked == absent.right.asked == 0
    _, _, *lines = table(found)
    assert lines[0].split() == ["ours", *"11101010", "2.00", "5.00", "16"]
    assert lines[1].split() == ["theirs", *"20010100", "2.00", "2.00", "10"]
    assert lines[2].split() == ["absent", "not", "installed"]
    assert lines[3:] == ["ours lets pass: fault 2", "theirs raises on: fault 3"]
    draw(found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault and two right networks through JAX's checker and one that objects to all."""
    touchy = Checker("touchy", "float64", lambda claim, programs: Answer(OBJECTS))
    contestants = [CHECKERS[0], touchy, Checker("gone", "float64", None)]
    for module in (trials, gradient_checkers):
        monkeypatch.setattr(module, "checkers", lambda float32: contestants)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX2")
    options = ["--only", "penalty on", "--right", "1", "--workers", "1", "--out", str(tmp_path)]
    assert gradient_checkers.main(options) == 0
    told = capsys.readouterr().out
    assert "penalty on biases" in told
    assert ["gone", "not", "installed"] in [line.split() for line in told.splitlines()]
    data = json.loads((tmp_path / "result.json").read_text())
    by_name = {score["checker"]: score for score in data["scores"]}
    assert len(by_name["touchy"]["faults"]["objects"]) == 1
    assert len(by_name["touchy"]["right"]["objects"]) == 2
    assert by_name["jax"]["right"]["objects"] == []
    assert data["xla_flags"].split() == ["--xla_cpu_max_isa=AVX2", *xla.QUICKLY]
    assert len(data["trials"]) == 6 and data["versions"]["chex"] and data["machine"]["cores"]
    assert (tmp_path / "gradient_checkers.png").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--only", "dropuot"], "did you mean 'dropout'"),
        (["--out", os.devnull + "/below"], "null"),
    ],
)
def test_bad_input_is_told(
    options: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = options if "--out" in options else [*options, "--out", str(tmp_path)]
    assert gradient_checkers.main(given) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--right=-1", "--workers=0", "--seed=-1"])
def test_bad_counts_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        gradient_checkers.main([option])
    assert "at least" in capsys.readouterr().err
