"""Bayesian search: what is tried, what is told, and how it goes on after whatever happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import optuna
import pytest

import fnn
from fnn import figures
from fnn.figures.style import ORANGE
from fnn.optimizers import SGD
from fnn.search import bayes, trials
from fnn.search.space import as_space
from fnn.search.trials import pad_to_size
from fnn.spec import FnnError, SpecError
from fnn.sweeps import Member, Range
from fnn.training import Selection
from tests.cases import random_like
from tests.processes import environment

ROWS = 12
X = np.asarray(random_like(fnn.shape(ROWS, 3), 1))
DATA = fnn.Batch(X, np.arange(ROWS, dtype=np.int32) % 3)
OTHER = fnn.Batch(np.asarray(random_like(fnn.shape(9, 3), 2)), np.arange(9, dtype=np.int32) % 3)
NET = fnn.Serial(fnn.Dense(4), fnn.Activation("leaky_relu"), fnn.Dense(3))
OBJECTIVE = fnn.Objective(NET, "cross_entropy", policy=fnn.Policy("float64"))
RUN = fnn.Run(OBJECTIVE, SGD(0.1), 4, selection=Selection("loss"))
OVER = {"learning_rate": Range(1e-3, 1.0, log=True), "smoothing": Range(0.0, 0.2)}
BATCH = 4


def search(run=RUN, over=OVER, trials: int = 12, **options):
    options = {"batch": BATCH, "epochs": 3, "seed": 5, **options}
    return bayes(run, DATA, OTHER, over=over, trials=trials, **options)


def check_same(made, other, exact: bool = False) -> None:
    """Two searches tried the same settings, came to the same, and kept the same parameters."""
    far = 0 if exact else 1e-12
    assert len(made.outcomes) == len(other.outcomes)
    for ours, theirs in zip(made.outcomes, other.outcomes, strict=True):
        assert (ours.index, ours.status, ours.epochs) == (
            theirs.index,
            theirs.status,
            theirs.epochs,
        )
        assert ours.member.settings == pytest.approx(theirs.member.settings, rel=far, abs=0)
        assert ours.values == pytest.approx(theirs.values, rel=far, abs=0)
    leaves = [jax.tree.leaves(one.best().members[0].params) for one in (made, other)]
    for ours, theirs in zip(*leaves, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=far, atol=far)


@pytest.fixture
def trained(monkeypatch) -> list[int]:
    """How many members each batch trained."""
    counts = []
    train = trials.train_members

    def counting(members, *arguments, **options):
        counts.append(len(members))
        return train(members, *arguments, **options)

    monkeypatch.setattr(trials, "train_members", counting)
    return counts


def test_a_batch_is_one_program_and_the_best_is_the_lone_run(trained) -> None:
    looks = []
    made = search(loggers=[looks.append])
    assert trained == [4, 4, 4]
    assert [(look.search.done, look.search.trials) for look in looks] == [
        (4, 12),
        (8, 12),
        (12, 12),
    ]
    assert (made.members, made.spent, len(made.outcomes)) == (12, 36, 12)
    assert made.interrupted is None
    best = made.best().members[0]
    values = [outcome.values["validation_loss"] for outcome in made.outcomes]
    assert best.values["validation_loss"] == min(values) == looks[-1].search.value
    assert [outcome.params is None for outcome in made.outcomes].count(False) == 1
    lone = fnn.fit(best.member.run, DATA, OTHER, epochs=3, seed=5)
    for ours, theirs in zip(
        jax.tree.leaves(best.params), jax.tree.leaves(lone.params), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert len({tuple(o.member.settings.values()) for o in made.outcomes}) == 12
    assert len(made.frame()) == 12


def test_the_same_seed_gives_the_same_search() -> None:
    made = search()
    check_same(made, search(), exact=True)
    assert made.outcomes[0].member.settings != search(seed=6).outcomes[0].member.settings


def test_it_learns_where_to_look() -> None:
    """Of two settings of very different worth, the better one is tried far more often."""
    over = {"learning_rate": [1e-6, 0.5], "smoothing": Range(0.0, 0.2)}
    rates = [o.member.settings["learning_rate"] for o in search(over=over, trials=32).outcomes]
    assert rates[:8].count(0.5) < 8 and rates[16:].count(0.5) > 12
    drawn = search(over=over, trials=32, seed=6, sampler=optuna.samplers.RandomSampler)
    rates = [outcome.member.settings["learning_rate"] for outcome in drawn.outcomes]
    assert 8 <= rates.count(0.5) <= 24


@pytest.mark.parametrize("name", ["s.journal", "s.db"])
def test_it_goes_on_without_repeating(tmp_path, trained, name: str) -> None:
    storage = tmp_path / name
    whole = search()
    trained.clear()

    events = []
    made = search(
        storage=storage, loggers=[events.append], stop=lambda: signal.SIGINT if events else 0
    )
    assert made.interrupted == signal.SIGINT
    assert len(made.outcomes) == 4
    assert len(search(storage=storage, trials=8).outcomes) == 8
    made = search(storage=str(storage))
    check_same(made, whole)
    assert trained == [4, 4, 4]
    check_same(search(storage=storage), whole)
    assert trained == [4, 4, 4]
    assert [outcome.history == {} for outcome in made.outcomes] == [True] * 8 + [False] * 4


def test_what_ended_before_an_interruption_is_kept(tmp_path, monkeypatch, trained) -> None:
    """Of a batch of several programs some have ended, some have not; and it comes to the same."""
    storage, whole = tmp_path / "s.journal", search()
    train = trials.train_members

    def interrupted(*arguments, **options):
        made = train(*arguments, **options)
        outcomes = [
            replace(outcome, status="interrupted") if outcome.index % 2 else outcome
            for outcome in made.outcomes
        ]
        return made._replace(outcomes=outcomes, interrupted=signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(trials, "train_members", interrupted)
        made = search(storage=storage)
    assert (made.interrupted, [o.index for o in made.outcomes]) == (signal.SIGINT, [0, 1])
    trained.clear()
    check_same(search(storage=storage), whole)
    assert trained == [4, 4, 4]  # two of them to fill the program


KILLED = """
import os, signal, sys
import jax
jax.config.update("jax_enable_x64", True)
from fnn.search.study import Study
from tests.test_search import search
method, count = getattr(Study, sys.argv[2]), [0]
def killing(self, *arguments):
    count[0] += 1
    if count[0] == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return method(self, *arguments)
setattr(Study, sys.argv[2], killing)
search(storage=sys.argv[1])
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.mark.parametrize(
    ("name", "method", "count", "left"),
    [("s.journal", "tell", 7, [4, 4]), ("s.db", "_settings", 6, [4, 4])],
)
def test_it_goes_on_after_a_kill(
    tmp_path, programs, trained, name: str, method: str, count: int, left: list[int]
) -> None:
    """Killed while the second batch is told, or asked for: it comes to what it would have."""
    storage = tmp_path / name
    command = [sys.executable, "-c", KILLED, str(storage), method, str(count)]
    done = subprocess.run(command, env=environment(programs), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    made = search(storage=storage)
    assert trained == left
    check_same(made, search())


def test_where_the_parameters_are_gone_the_best_is_trained_again(tmp_path, trained) -> None:
    storage = tmp_path / "s.journal"
    whole = search(storage=storage, trials=8)
    (tmp_path / "s-best.json").unlink()
    again = search(storage=storage, trials=8)
    assert trained == [4, 4, 1]
    ours, theirs = (jax.tree.leaves(made.best().members[0].params) for made in (again, whole))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_structure(trained) -> None:
    """Widths, depth and names, by a function from settings to a run."""

    def build(settings) -> fnn.Run:
        net = fnn.mlp(settings["hidden"], 3, activation=settings["activation"])
        objective = fnn.Objective(net, "cross_entropy", policy=fnn.Policy("float64"))
        return fnn.Run(objective, SGD(settings["rate"]), 4, selection=Selection("accuracy"))

    over = {
        "hidden": [(), (4,)],
        "activation": ["tanh"],
        "rate": Range(0.01, 1, log=True),
    }
    made = search(build, over, trials=8)
    assert all(count in (4, 6) for count in trained)  # 2 + 2, or 1 + 3, filled up to 2 + 4
    assert made.metric == "validation_accuracy"
    best = made.best()
    assert best.mean == max(o.values["validation_accuracy"] for o in made.outcomes)
    assert {o.member.settings["hidden"] for o in made.outcomes} == {(), (4,)}
    assert made.names == ["hidden", "activation", "rate"]


def test_programs_come_in_few_sizes() -> None:
    other = fnn.replace(RUN, batch_size=6)
    members = [Member({}, run, 0, 0) for run in [RUN] * 3 + [other]]
    assert [member.run for member in pad_to_size(members, 8)] == [RUN] * 5 + [other]
    assert len(pad_to_size(members[:3], 4)) == 1
    assert pad_to_size(members[:3], 3) == []
    assert len(pad_to_size(members[:1], 8, before=members[1:])) == 7


def test_who_diverges_is_told_and_avoided(tmp_path) -> None:
    storage = tmp_path / "s.journal"
    over = {"learning_rate": [0.1, 1e160], "smoothing": Range(0.0, 0.2)}
    made = search(over=over, trials=24, storage=storage)
    lost = [o.member.settings["learning_rate"] == 1e160 for o in made.outcomes]
    assert [o.status == "diverged" for o in made.outcomes] == lost
    assert sum(lost[:8]) > 0 and sum(lost[12:]) <= 3
    assert np.isfinite(made.best().mean)
    states = {"PRUNED" if one else "COMPLETE" for one in lost}
    trials = load(storage).trials
    assert {trial.state.name for trial in trials} == states
    again = search(over=over, trials=24, storage=storage)
    assert [o.status for o in again.outcomes] == [o.status for o in made.outcomes]


def test_all_diverge() -> None:
    over = {"learning_rate": Range(1e160, 1e170, log=True), "smoothing": Range(0.0, 0.2)}
    made = search(over=over, trials=4)
    with pytest.raises(SpecError, match="no member has a finite validation_loss"):
        made.best()


def test_first_come_first() -> None:
    first = [{"learning_rate": 0.25, "smoothing": 0.1}, {"learning_rate": 0.5}]
    made = search(first=first, trials=4)
    assert made.outcomes[0].member.settings == first[0]
    assert made.outcomes[1].member.settings["learning_rate"] == 0.5


def load(storage: Path) -> optuna.Study:
    from fnn.search.storage import _journal

    return optuna.load_study(storage=_journal(storage), study_name="fnn")


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """A folder with storages of both kinds, of four trials."""
    folder = tmp_path_factory.mktemp("searched")
    for name in ("s.journal", "s.db"):
        search(storage=folder / name, trials=4)
    return folder


@pytest.fixture
def folder(tmp_path, searched) -> Path:
    return Path(shutil.copytree(searched, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("name", "noise", "words"),
    [
        ("s.db", b"no storage\n" * 99, "is no storage of a search, or is damaged: move it away"),
        ("s.db", b"\x00\xff" * 5000, "is no storage of a search, or is damaged: move it away"),
        ("s.journal", b'{"op_code":1}\n', "is no storage of a search, or is damaged: move it"),
        ("s.journal", b'{"op_code":0\nx\n', "is no storage of a search, or is damaged: move it"),
        ("s.journal", b"a text of somebody's", "is no journal of Optuna"),
        ("s.journal", b"\x00\xff" * 5000, "is no journal of Optuna"),
    ],
)
def test_a_damaged_storage(folder, name: str, noise: bytes, words: str) -> None:
    (folder / name).write_bytes(noise)
    with pytest.raises(FnnError, match=rf"{name}: {words}"):
        search(storage=folder / name, trials=8)
    assert (folder / name).read_bytes() == noise


def test_a_damaged_file_of_parameters(folder) -> None:
    (file,) = folder.glob("s-best-*.safetensors")
    file.write_bytes(b"PK nonsense")
    with pytest.raises(FnnError, match=r"s-best-.*: damaged.*: delete s-best.json, and what"):
        search(storage=folder / "s.db", trials=4)


def test_a_torn_line_is_cut_off(folder) -> None:
    storage = folder / "s.journal"
    with storage.open("ab") as file:
        file.write(b'{"op_code":6,"wor')
    assert len(search(storage=storage, trials=8).outcomes) == 8
    assert all(json.loads(line) for line in storage.read_text().splitlines())


@pytest.mark.parametrize("name", ["s.journal", "s.db"])
def test_a_storage_in_use(folder, name: str) -> None:
    def meddle(look) -> None:
        with pytest.raises(FnnError, match=rf"{name}: another search uses it: wait for its end"):
            search(storage=folder / name)

    search(storage=folder / name, trials=8, loggers=[meddle])


def test_a_storage_locked_by_another_program(folder, monkeypatch) -> None:
    monkeypatch.setattr("fnn.search.storage.PATIENCE", 0)
    other = sqlite3.connect(folder / "s.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(FnnError, match=r"s\.db: another program has locked it: wait for its end"):
        search(storage=folder / "s.db", trials=8)
    other.close()
    assert len(search(storage=folder / "s.db", trials=8).outcomes) == 8


@pytest.mark.parametrize(
    ("options", "differ"),
    [
        ({"epochs": 4}, "epochs differs"),
        ({"seed": 6}, "seed differs"),
        ({"metric": "accuracy"}, "metric differs"),
        ({"over": {"learning_rate": Range(1e-3, 0.5, log=True)}}, "space, run differ"),
        ({"run": fnn.replace(RUN, gradient="manual")}, "run differs"),
    ],
)
def test_a_storage_of_another_search(folder, options, differ: str) -> None:
    with pytest.raises(FnnError, match=rf"holds another search, whose {differ}$"):
        search(storage=folder / "s.journal", **options)


def test_a_storage_of_another_program(tmp_path) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 's.db'}", study_name="fnn")
    study.ask()
    with pytest.raises(FnnError, match="holds a study of another program"):
        search(storage=tmp_path / "s.db")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere/s.journal", "the folder .*nowhere does not exist"),
        ("nowhere/s.db", "the folder .*nowhere does not exist"),
        ("", "is a folder, not a file"),
    ],
)
def test_a_storage_that_can_not_be(tmp_path, path: str, words: str) -> None:
    with pytest.raises(FnnError, match=words):
        search(storage=tmp_path / path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trials": 0}, "trials: expected a whole number from 1 up, got 0"),
        ({"batch": 2.0}, "batch: expected a whole number from 1 up, got 2.0"),
        ({"epochs": 0}, "expected at least 1 epoch"),
        ({"seed": -1}, "seed: expected a whole number from 0"),
        ({"metric": "acuracy"}, "metric: 'acuracy' is not measured"),
        ({"sampler": "tpe"}, "sampler: expected a function from a seed to an Optuna sampler"),
        ({"run": "run"}, "run: expected a fnn.Run, or a function"),
        ({"first": [{"rate": 1.0}]}, "first, rate: is not varied"),
        ({"first": [{"learning_rate": 2.0}]}, "first, learning_rate: expected one of Range"),
    ],
)
def test_bad_arguments(options, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        search(**options)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({}, "over: expected an axis"),
        (
            {"lerning_rate": [0.1]},
            "no field is called 'lerning_rate'; did you mean 'learning_rate'",
        ),
        ({"lerning_rate": Range(0, 1)}, "did you mean 'learning_rate'"),
        ({"learning_rate": []}, r"over\['learning_rate'\]: expected at least one value"),
        ({"learning_rate": "high"}, "expected values or fnn.sweeps.Range"),
        ({"learning_rate": 0.1}, "expected values or fnn.sweeps.Range"),
        ({"learning_rate": [0.1, 0.1]}, "holds 0.1 twice"),
        ({"learning_rate": Range(-1, 1)}, "learning_rate: expected at least 0, got -1"),
        ({"units": Range(2, 8)}, "is structure .* give values, or Range"),
        ({"function": ["tanh", "tan"]}, "unknown name 'tan'; did you mean 'tanh'"),
        ({"seed": [1, 2]}, "a seed is luck, not a setting"),
        ({"epochs": [1, 2]}, "can't be varied within a search"),
    ],
)
def test_bad_spaces(over, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        as_space(RUN, over)


def test_structure_may_be_drawn_as_whole_numbers() -> None:
    space = as_space(RUN, {"batch_size": Range(2, 8, whole=True), "units": np.array([3])})
    assert space["units"] == [3]


def test_without_optuna(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(FnnError, match=r"needs Optuna: pip install 'fnn\[search\]'"):
        search()


def test_optuna_is_silent(capfd, tmp_path) -> None:
    before = optuna.logging.get_verbosity()
    search(storage=tmp_path / "s.db", trials=4)
    assert tuple(capfd.readouterr()) == ("", "")
    assert optuna.logging.get_verbosity() == before


def test_the_figure_of_a_search() -> None:
    for higher, best in ((False, [3, 3, 1, 1]), (True, [3, 3, 3, 3])):
        options = {"metric": "validation_loss", "higher": higher, "batch": 2}
        (axes,) = figures.draw_search([3.0, np.nan, 1.0, 2.0], **options).axes
        lines = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert [*lines["best so far"]] == best
        assert len(lines["diverged"]) == 1
    (axes,) = figures.draw_search([np.nan] * 3, metric="loss", higher=False).axes
    assert [text.get_text() for text in axes.texts] == ["no finite values"]


def test_the_figure_of_a_halving() -> None:
    curves = [np.array([3.0]), np.array([2.0, 1.0]), np.array([4.0])]
    (axes,) = figures.draw_halving(curves, [1], metric="validation_loss").axes
    whole = [line for line in axes.lines if line.get_color() == ORANGE]
    assert [[*line.get_ydata()] for line in whole] == [[2, 1]]
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert told == ["compared", "ended before", "trained to the end"]


def test_import_is_light() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import fnn.search, sys; print('optuna' in sys.modules)"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n"


def test_a_range_is_recorded_by_the_name_in_the_format(folder) -> None:
    """A search of fnn 0.1.0 is resumed: its record of the space says `Between`."""
    text = (folder / "s.journal").read_text()
    assert "Between(low=0.001, high=1.0, log=True, whole=False)" in text and "Range(" not in text
