"""Many runs as one program: each is the lone run, whatever happens to the others."""

from __future__ import annotations

import signal

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD, Adam
from fnn.spec import FnnError, SpecError, replace, with_fields
from fnn.sweeps import Range, batch, cpu_threads, members, packing, store, train, train_members
from fnn.sweeps.axes import varied
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.packing import budget, format_bytes
from fnn.training import LastEpochs, MovingAverage, Selection
from tests.cases import random_like

ROWS = 23
X = np.asarray(random_like(fnn.shape(ROWS, 4), 1))
DATA = fnn.Batch(X, np.arange(ROWS, dtype=np.int32) % 3)
OTHER = fnn.Batch(np.asarray(random_like(fnn.shape(9, 4), 2)), np.arange(9, dtype=np.int32) % 3)
TAIL = (fnn.Activation("tanh"), fnn.Dropout(0.2), fnn.Dense(3))
NET, NORMAL = fnn.Serial(fnn.Dense(5), *TAIL), fnn.BatchNorm()
OBJECTIVE = fnn.Objective(NET, "cross_entropy", policy=fnn.Policy("float64"))
NORMALIZED = replace(OBJECTIVE, net=fnn.Serial(fnn.Dense(5, bias_init=None), NORMAL, *TAIL))
RUN = fnn.Run(OBJECTIVE, Adam(0.05), 5, selection=Selection("loss", patience=1000.0))
OVER = {"learning_rate": [0.01, 0.1], "rate": [0.1, 0.5], "seed": [3, 4]}
# Sweeps of this structure have 8 members where their number does not matter: one program for all.
EPOCHS = 10  # of 5 steps, the last one ragged


def sweep(run: fnn.Run = RUN, over=OVER, epochs: int = EPOCHS, **options):
    return fnn.sweep(run, DATA, OTHER, over=over, epochs=epochs, keep=None, **options)


def alone(outcome: MemberResult, epochs: int = EPOCHS) -> fnn.training.FitResult:
    member = outcome.member
    return fnn.fit(
        member.run, DATA, OTHER, epochs=epochs, seed=member.seed, order_seed=member.order_seed
    )


def check_alone(outcome: MemberResult, epochs: int = EPOCHS) -> None:
    """A member is the lone run with its numbers and seeds."""
    lone = alone(outcome, epochs)
    assert (outcome.status, outcome.epochs) == (lone.status, int(lone.run_state.epoch))
    assert outcome.best_epoch == (lone.best and lone.best.epoch)
    chex.assert_trees_all_close(
        (outcome.params, outcome.state), (lone.params, lone.state), atol=1e-12, rtol=1e-12
    )
    assert set(outcome.history) == set(lone.history)
    for name, values in lone.history.items():
        np.testing.assert_allclose(outcome.history[name], values, rtol=1e-12, atol=1e-12)


def test_a_member_is_the_lone_run():
    made = sweep()
    assert len(made.outcomes) == 8 and made.interrupted is None
    for outcome in made.outcomes[::3]:
        check_alone(outcome)
    values = made.outcomes[0].values
    history = made.outcomes[0].history
    best = made.outcomes[0].best_epoch - 1
    assert values == {name: history[name][best] for name in values}


def test_members_may_have_an_order_of_their_own():
    made = sweep(over={"seed": range(3, 11)}, own_order=True)
    assert [outcome.member.order_seed for outcome in made.outcomes] == list(range(3, 11))
    for outcome in made.outcomes:
        check_alone(outcome)
    shared = sweep(over={"seed": range(3, 11)})
    assert not np.allclose(shared.outcomes[1].history["loss"], made.outcomes[1].history["loss"])


@pytest.mark.parametrize(
    "changed",
    [
        {"averaging": MovingAverage(0.9), "objective": NORMALIZED},
        {"averaging": LastEpochs(3), "validate_every": 2, "selection": None},
        {"batch_size": "full", "gradient": "manual", "monitor": True},
        {"optimizer": SGD(fnn.schedules.CosineDecay(0.1, 50), momentum=0.9, weight_decay=0.01)},
    ],
    ids=["moving average", "last epochs", "manual", "schedule"],
)
def test_whatever_the_run_does(changed):
    made = sweep(replace(RUN, **changed), {"rate": [0.1, 0.4], "seed": [0, 1]})
    check_alone(made.outcomes[2])


def test_another_grid_compiles_nothing():
    sweep()
    other = {"learning_rate": [0.02, 0.2], "rate": [0.0, 0.3], "seed": [8, 9]}
    compiled = []

    def listen(event: str, *_, **__) -> None:
        if "compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        made = sweep(over=other, order_seed=5, epochs=EPOCHS + 1)
        assert len(made.outcomes) == 8
        assert not compiled
        sweep(over={"seed": [0, 1, 2]}, epochs=1)
        assert compiled, "the listener hears"
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("cores", [1, 3])
def test_however_many_cores_members_are_dealt_out_to(monkeypatch, cores):
    once = sweep(epochs=3, over={"seed": range(7)})
    monkeypatch.setattr(cpu_threads.os, "cpu_count", lambda: cores)
    assert cpu_threads.thread_count(7) == cores and cpu_threads.thread_count(2) == min(cores, 2)
    made = sweep(epochs=3, over={"seed": range(7)})
    for mine, theirs in zip(made.outcomes, once.outcomes, strict=True):
        chex.assert_trees_all_close(mine.params, theirs.params, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(mine.history["loss"], theirs.history["loss"], rtol=1e-12)


def test_structure_makes_groups_of_its_own():
    over = {"layers[0].units": [5, 3], "optimizer": ["sgd", Adam()], "learning_rate": [0.1, 0.01]}
    made = sweep(over=over, epochs=2)
    assert len({jax.tree.structure(o.member.run) for o in made.outcomes}) == 4
    assert [outcome.index for outcome in made.outcomes] == list(range(8))
    for outcome in (made.outcomes[3], made.outcomes[4]):
        check_alone(outcome, epochs=2)


def test_a_member_that_loses_patience_stays_as_it_was():
    run = replace(RUN, selection=Selection("loss", patience=2.0))
    made = sweep(run, {"learning_rate": [0.001, 0.3], "seed": [3, 4]}, epochs=20)
    assert {outcome.status for outcome in made.outcomes} == {"finished", "stopped early"}
    for outcome in made.outcomes:
        check_alone(outcome, epochs=20)
    stopped = [20 - outcome.epochs for outcome in made.outcomes]
    assert made.wasted == pytest.approx(sum(stopped) / 80)


def test_a_member_that_diverges_spoils_nobody():
    plain = fnn.Objective(fnn.mlp([5], 3, dropout=None), "cross_entropy", policy=OBJECTIVE.policy)
    run = fnn.Run(plain, SGD(0.1), 5)
    made = sweep(run, {"learning_rate": [0.1, 1e200], "seed": [3, 4]})
    assert [outcome.status for outcome in made.outcomes] == ["finished"] * 2 + ["diverged"] * 2
    check_alone(made.outcomes[1])
    lost = made.outcomes[2]
    assert lost.epochs == 1 and np.isnan(lost.values["loss"])
    assert [setting.diverged for setting in made.settings()] == [0, 2]
    assert made.best().settings == {"learning_rate": 0.1}
    with pytest.raises(fnn.DivergedError):
        alone(lost)


def test_one_that_selects_keeps_its_best_when_it_diverges():
    line = fnn.Objective(fnn.Dense(1), "squared_error", policy=OBJECTIVE.policy)
    run = fnn.Run(line, SGD(0.1), 5, selection=Selection())
    data = fnn.Batch(X, X[:, :1])
    made = fnn.sweep(run, data, data, over={"learning_rate": [0.1, 1e3]}, epochs=20, keep=None)
    lost = made.outcomes[1]
    assert lost.status == "diverged" and 2 < lost.epochs < 20 and lost.best_epoch == 1
    assert np.isfinite(list(lost.values.values())).all()
    with pytest.raises(fnn.DivergedError) as error:
        fnn.fit(lost.member.run, data, data, epochs=20)
    chex.assert_trees_all_close(lost.params, error.value.fit.params, rtol=1e-12)


def test_the_rest_moves_to_a_smaller_program(monkeypatch):
    monkeypatch.setattr(batch, "COMPILING", 0.0)
    sizes = []
    run = replace(RUN, selection=Selection("loss", patience=2.0))
    over = {"learning_rate": [0.001, 0.3], "rate": [0.0, 0.2, 0.4], "seed": [3]}
    made = sweep(run, over, epochs=20, loggers=[lambda look: sizes.append(look.members.size)])
    assert sizes[0] == 6 and sizes[-1] <= 3 and sizes == sorted(sizes, reverse=True)
    for outcome in made.outcomes:
        check_alone(outcome, epochs=20)
    whole = [20 - outcome.epochs for outcome in made.outcomes]
    assert made.wasted < sum(whole) / 120


def test_chunks_fit_a_budget():
    once = sweep()
    sizes = set()
    data = train.SweepData(DATA, OTHER, None)
    found = members(RUN, OVER)
    need = [packing.bytes_needed(found[:size], data) for size in (3, 4)]
    made = sweep(
        memory=(need[0] + need[1]) // 2, loggers=[lambda look: sizes.add(look.members.size)]
    )
    assert sizes == {3}
    for mine, theirs in zip(made.outcomes, once.outcomes, strict=True):
        chex.assert_trees_all_close(mine.params, theirs.params, rtol=1e-12, atol=1e-12)
        assert mine.member == theirs.member
    with pytest.raises(SpecError, match=r"memory: one member needs about .*B .* 1 KB may be used"):
        sweep(memory="1KB")


def test_out_of_memory_halves_the_chunk(monkeypatch):
    once, sizes = sweep(), []
    advance = train.MemberBatch.advance

    def tight(self: batch.MemberBatch, stop: int) -> None:
        sizes.append(len(self.places))
        if len(self.places) > 2:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")
        advance(self, stop)

    monkeypatch.setattr(train.MemberBatch, "advance", tight)
    made = sweep()
    assert sizes[:2] == [8, 4] and set(sizes[2:]) == {2}
    for mine, theirs in zip(made.outcomes, once.outcomes, strict=True):
        chex.assert_trees_all_close(mine.params, theirs.params, rtol=1e-12, atol=1e-12)
    monkeypatch.setattr(train.MemberBatch, "advance", _fails)
    with pytest.raises(RuntimeError, match="something else"):
        sweep()


def _fails(self: batch.MemberBatch, stop: int) -> None:
    raise RuntimeError("something else")


def same(made: fnn.sweeps.SweepResult, other: fnn.sweeps.SweepResult) -> None:
    """To the bit."""
    for mine, theirs in zip(made.outcomes, other.outcomes, strict=True):
        chex.assert_trees_all_equal(
            (mine.params, mine.state, mine.history), (theirs.params, theirs.state, theirs.history)
        )
        assert (mine.index, mine.member, mine.status, mine.epochs, mine.values) == (
            theirs.index,
            theirs.member,
            theirs.status,
            theirs.epochs,
            theirs.values,
        )


class Interrupts:
    """Says to stop once so many members have ended, amid the next."""

    def __init__(self, done: int) -> None:
        self.done, self.waits = done, True

    def log(self, event: fnn.training.TrainingEvent) -> None:
        done = event.members.done
        if self.waits and done == self.done and 2 <= event.epoch < event.epochs - 2:
            self.waits = False

    def __call__(self) -> int:
        return 0 if self.waits else signal.SIGINT


@pytest.mark.parametrize("ended", [0, 4])
def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch, ended):
    monkeypatch.setattr(batch, "COMPILING", 0.0)
    run = replace(RUN, selection=Selection("loss", patience=3.0))
    data, found = train.SweepData(DATA, OTHER, None), members(run, OVER)
    memory = (packing.bytes_needed(found[:4], data) + packing.bytes_needed(found[:5], data)) // 2
    whole = sweep(run, epochs=20, memory=memory)
    stop, options = Interrupts(ended), {"epochs": 20, "memory": memory, "folder": tmp_path}
    first = sweep(run, loggers=[stop.log], stop=stop, **options)
    assert first.interrupted == signal.SIGINT and len(first.outcomes) == 4 + ended
    assert "interrupted" in {outcome.status for outcome in first.outcomes}
    looks = []
    again = sweep(run, epochs=20, memory=memory, folder=tmp_path, loggers=[looks.append])
    assert again.interrupted is None
    assert looks[0].epoch > 0, "the chunk under way goes on"
    assert looks[0].members.done == ended
    same(again, whole)
    done = []
    same(sweep(run, epochs=20, memory=memory, folder=tmp_path, loggers=[done.append]), whole)
    assert not done, "nothing is repeated"


def numbered(prefix: str, tree) -> dict:
    """The leaves by position, as fnn 0.2.0 named them; keys as their bits."""
    leaves = [
        jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        for leaf in jax.tree.leaves(tree)
    ]
    return {f"{prefix}{index}": leaf for index, leaf in enumerate(leaves)}


def write_npz(path, arrays) -> None:
    np.savez(path.with_suffix(".npz"), **arrays)


@pytest.mark.parametrize("ended", [0, 4])
def test_a_folder_of_the_version_before_goes_on(tmp_path, ended):
    """Its .npz files number leaves by position; what is written anew takes their place."""
    data, found = train.SweepData(DATA, OTHER, None), members(RUN, OVER)
    memory = (packing.bytes_needed(found[:4], data) + packing.bytes_needed(found[:5], data)) // 2
    options = {"epochs": 20, "memory": memory}
    whole, stop = sweep(**options), Interrupts(ended)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "named", numbered)
        patch.setattr(store, "write_stored", write_npz)
        patch.setattr(store, "remove_stored", lambda path: None)
        sweep(loggers=[stop.log], stop=stop, folder=tmp_path, **options)
    assert len([*tmp_path.rglob("*.npz")]) == 1 + (ended > 0)
    looks = []
    same(sweep(folder=tmp_path, loggers=[looks.append], **options), whole)
    assert looks[0].epoch > 0 and looks[0].members.done == ended
    assert not (tmp_path / "under-way.npz").exists()
    if ended:
        (tmp_path / "ended" / "00000.npz").write_bytes(b"PK nonsense")
        with pytest.raises(FnnError, match=r"00000.npz: damaged: delete 00000.npz, and what it"):
            sweep(folder=tmp_path, **options)


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path):
    def again(event: fnn.training.TrainingEvent) -> None:
        sweep(epochs=2, folder=tmp_path)

    with pytest.raises(FnnError, match="another process has this sweep under way"):
        sweep(epochs=2, folder=tmp_path, loggers=[again])
    assert len(sweep(epochs=2, folder=tmp_path).outcomes) == 8


def test_a_folder_of_another_sweep_or_a_damaged_one(tmp_path):
    sweep(epochs=2, folder=tmp_path)
    with pytest.raises(FnnError, match=r"holds another sweep \(settings or seeds differ\)"):
        sweep(over={"seed": [3, 4]}, epochs=2, folder=tmp_path)
    with pytest.raises(FnnError, match=r"holds another sweep \(epochs differ\)"):
        sweep(epochs=3, folder=tmp_path)
    with pytest.raises(FnnError, match=r"holds another sweep \(other data differ\)|data"):
        fnn.sweep(RUN, OTHER, OTHER, over=OVER, epochs=2, folder=tmp_path)
    (file,) = (tmp_path / "ended").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FnnError, match=r"ended/00000-.*: damaged.*: delete 00000.json, and"):
        sweep(epochs=2, folder=tmp_path)
    file = tmp_path / "ended" / "00000.json"
    file.unlink()
    assert len(sweep(epochs=2, folder=tmp_path).outcomes) == 8
    (tmp_path / "file").write_text("")
    with pytest.raises(FnnError, match="file"):
        sweep(epochs=2, folder=tmp_path / "file")


def test_results_by_setting():
    made = sweep(over={"learning_rate": [0.01, 0.1, 1.0], "seed": range(4)}, epochs=3)
    frame = made.frame()
    assert list(frame.columns[:5]) == ["learning_rate", "seed", "order_seed", "status", "epochs"]
    grouped = frame.groupby("learning_rate")["validation_loss"].mean()
    best = made.best()
    assert best.mean == pytest.approx(grouped.min())
    assert best.settings["learning_rate"] == grouped.idxmin()
    assert [setting.mean for setting in made.settings()] == pytest.approx(sorted(grouped))
    from scipy import stats

    values = frame[frame.learning_rate == best.settings["learning_rate"]]["validation_loss"]
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (best.low, best.high) == pytest.approx((low, high))
    by_accuracy = made.best("accuracy")
    assert by_accuracy.mean == frame.groupby("learning_rate")["validation_accuracy"].mean().max()
    with pytest.raises(SpecError, match="metric: 'acuracy' is not measured; did you mean"):
        made.best("acuracy")


def test_a_sweep_of_which_nothing_was_reached():
    made = fnn.sweeps.SweepResult([], 8, "validation_loss", 0.0, 1.0, 0.5, signal.SIGINT)
    assert made.frame().empty and made.settings() == []
    with pytest.raises(SpecError, match="no member has a finite validation_loss"):
        made.best()


def test_the_best_keep_their_parameters():
    made = fnn.sweep(RUN, DATA, OTHER, over=OVER, epochs=2, keep=2)
    kept = [outcome.index for outcome in made.outcomes if outcome.params is not None]
    assert sorted(outcome.index for outcome in made.ranked()[:2]) == kept
    assert made.outcomes[0].history["loss"].shape == (2,)


def test_data_that_are_prepared():
    run = fnn.Run(fnn.Objective(fnn.mlp([4], 3), "cross_entropy"), Adam(0.01), 32)
    made = fnn.sweep(run, "iris", over={"seed": range(2)}, epochs=2)
    assert made.metric == "validation_loss" and len(made.outcomes) == 2
    with pytest.raises(FnnError, match="net: expected a network whose output"):
        fnn.sweep(run, "digits", over={"seed": range(2)}, epochs=2)


def test_members_that_are_zipped_or_drawn():
    zipped = members(RUN, {"learning_rate": [0.1, 0.2], "seed": [5, 6]}, "zip")
    assert [m.settings for m in zipped] == [
        {"learning_rate": 0.1, "seed": 5},
        {"learning_rate": 0.2, "seed": 6},
    ]
    over = {"learning_rate": Range(1e-3, 1e-1, log=True), "batch_size": [4, 8], "seed": range(3)}
    drawn = members(RUN, over, "random", draws=40)
    rates = {m.settings["learning_rate"] for m in drawn}
    assert len(drawn) == 120 and len(rates) == 40 and varied(drawn) == list(over)
    assert 1e-3 <= min(rates) < 3e-3 and 3e-2 < max(rates) <= 1e-1
    assert {m.run.batch_size for m in drawn} == {4, 8}
    again = members(RUN, over, "random", draws=40)
    assert [m.settings for m in again] == [m.settings for m in drawn]
    assert [m.settings for m in members(RUN, over, "random", draws=40, seed=1)] != again
    whole = Range(2, 5, whole=True)
    assert {whole.at(share) for share in np.linspace(0, 1, 50)} == {2, 3, 4, 5}
    assert Range(1, 100, log=True).grid(3) == pytest.approx([1, 10, 100])


WRONG = [
    ({}, {}, "over: expected an axis"),
    ({"learning_rate": []}, {}, r"over\['learning_rate'\]: expected at least one value"),
    ({"learning_rate": 0.1}, {}, "expected values, such as a list, got float 0.1"),
    ({"learning_rate": "0.1"}, {}, "expected values, such as a list, got str"),
    (
        {"learnig_rate": [0.1]},
        {},
        "'learnig_rate'; did you mean 'learning_rate'",
    ),
    ({"learning_rate": [-0.1]}, {}, "optimizer.learning_rate: expected at least 0, got -0.1"),
    ({"learning_rate": [np.nan]}, {}, "optimizer.learning_rate: expected a finite number"),
    ({"learning_rate": [[0.1, 0.2]]}, {}, "expected a number, got"),
    ({"batch_size": [2.5]}, {}, "batch_size: .*: it is structure"),
    ({"optimizer": ["adma"]}, {}, "optimizer: unknown name 'adma'; did you mean 'adam'"),
    ({"epochs": [1, 2]}, {}, r"over\['epochs'\]: can't be varied within a sweep"),
    ({"split_seed": [1, 2]}, {}, "can't be varied within a sweep"),
    ({"seed": [1.5]}, {}, "over.seed: expected a whole number"),
    ({"seed": [-1]}, {}, "over.seed: expected a whole number"),
    ({"rate": [0.1], "seed": [1, 2]}, {"how": "zip"}, "over: zipped axes need as many values each"),
    ({"rate": Range(0, 1)}, {}, "is to be drawn"),
    ({"rate": [0.1]}, {"how": "random"}, "draws: "),
    ({"rate": [0.1]}, {"draws": 4}, "draws: "),
    ({"seed": [1]}, {"how": "random", "draws": 4}, "over: expected an axis to draw from"),
    ({"rate": [0.1]}, {"how": "gird"}, "how: expected 'grid'"),
    ({"rate": [0.1]}, {"epochs": 0}, "expected at least 1 epoch"),
    ({"rate": [0.1]}, {"memory": "lots"}, "memory: expected bytes, such as 2GB"),
    ({"rate": [0.1]}, {"memory": -1}, "memory: expected bytes above 0"),
    ({"rate": [0.1]}, {"metric": "acc"}, "metric: 'acc' is not measured"),
]


@pytest.mark.parametrize(("over", "options", "words"), WRONG)
def test_bad_input_is_said(over, options, words):
    with pytest.raises(SpecError, match=words):
        sweep(over=over, **options)


@pytest.mark.parametrize(
    ("low", "high", "more"),
    [(1, 1, {}), (0, 1, {"log": True}), (0, 1.5, {"whole": True}), (0, np.inf, {})],
)
def test_a_range_that_is_none(low, high, more):
    with pytest.raises(SpecError, match="expected"):
        Range(low, high, **more)


def test_rows_that_are_read_as_they_are_needed_can_not_be_shared():
    from fnn.training.rows import InMemoryRows

    with pytest.raises(SpecError, match=r"rows: expected a fnn\.Batch in memory"):
        train_members(members(RUN, OVER), InMemoryRows(DATA), epochs=1)
    with pytest.raises(SpecError, match="members: expected at least one"):
        train_members([], DATA, epochs=1)


def test_fields_by_name():
    changed = with_fields(RUN, {"momentum": 0.5, "optimizer": SGD(momentum=0.0)})
    assert changed.optimizer == SGD(momentum=0.5)
    assert with_fields(RUN, {"objective.net.layers[2]": fnn.Flatten(1)}).objective.net.layers[2]
    with pytest.raises(
        SpecError, match=r"objective.net.layers\[0\].units: expected a whole number"
    ):
        with_fields(RUN, {"objective.net.layers[0].units": 2.5})


def test_bytes_in_words():
    assert budget("1.5 gb") == 1_500_000_000 and budget(12) == 12 and budget("7") == 7
    assert budget(None) > 2**20
    assert [format_bytes(n) for n in (0, 999, 1500, 2.5e9)] == ["0 B", "999 B", "1.5 KB", "2.5 GB"]
