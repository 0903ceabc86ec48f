"""A run that continues from a checkpoint ends with the bits of one that was never interrupted.

On 8 devices `tests/test_devices.py` compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn.checkpoint import from_arrays, read, to_arrays, write
from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.training import LastEpochs, MovingAverage, Run, Selection, Snapshot
from fnn.training.rows import InMemoryRows

DRAW = np.random.default_rng(0)
ROWS, OTHERS = (
    Batch(DRAW.normal(size=(count, 5)).astype("f4"), DRAW.integers(0, 3, count))
    for count in (70, 20)
)
EPOCHS = 6
NET = fnn.Serial(
    fnn.Dense(6), fnn.BatchNorm(), fnn.Activation("tanh"), fnn.Dropout(0.2), fnn.Dense(3)
)


def run_of(precision: Any = "float32", optimizer: Any = "adam", **options: Any) -> Run:
    policy = fnn.Policy(precision)
    return Run(fnn.Objective(NET, "cross_entropy", policy=policy), optimizer, 16, **options)


def as_float64(rows: Batch) -> Batch:
    return Batch(rows.x.astype("f8"), rows.target)


RUNS: dict[str, Callable[[], Run]] = {
    "selection": lambda: run_of(selection=Selection("loss", patience=2), monitor=True),
    "average": lambda: run_of(optimizer="rmsprop", averaging=MovingAverage(0.9)),
    "validated every second": lambda: run_of(averaging=LastEpochs(3), validate_every=2),
    "own optimizer": lambda: run_of(
        optimizer=optax.chain(optax.clip(0.1), optax.sgd(optax.cosine_decay_schedule(0.1, 30)))
    ),
    "bfloat16": lambda: run_of("bfloat16"),
    "float64": lambda: run_of("float64"),
}


class StopAt:
    """Interrupts a training after that many calls of the program; the first is of one step."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> int:
        self.left -= 1
        return int(self.left <= 0)


def bits(tree: Any) -> list[bytes]:
    leaves = [
        jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        for leaf in jax.tree.leaves(tree)
    ]
    return [np.asarray(leaf).tobytes() for leaf in leaves]


def same(one: Any, other: Any) -> None:
    """The same bits in all that a run leaves."""
    for name in ("params", "state", "run_state"):
        assert bits(getattr(one, name)) == bits(getattr(other, name)), name
    assert one.history.keys() == other.history.keys()
    for name, column in one.history.items():
        assert column.tobytes() == other.history[name].tobytes(), name
    assert (one.status, one.best) == (other.status, other.best)


def through_file(snapshot: Snapshot, folder: Path) -> Snapshot:
    """The snapshot after it was written and read again."""
    write(folder / "kept.json", to_arrays(snapshot.state), {})
    like = jax.eval_shape(lambda: snapshot.state)
    return snapshot._replace(state=from_arrays(read(folder / "kept.json").arrays, like))


def resumed(run: Run, rows: Any, others: Any, calls: int, folder: Path, **options: Any) -> Any:
    """The run, interrupted after so many calls, and continued from what was saved."""
    saved: list[Snapshot] = []
    options = {"epochs": EPOCHS, "seed": 3, "order_seed": 4, **options}
    cut = fnn.fit(run, rows, others, stop=StopAt(calls), save=saved.append, **options)
    assert cut.status == "interrupted"
    assert 0 < int(saved[-1].state.step) == int(cut.run_state.step)
    return fnn.fit(run, rows, others, state=through_file(saved[-1], folder), **options)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_continues_to_the_same_bits(name: str, tmp_path: Path) -> None:
    """From the middle of the first epoch, and from a later step."""
    run, (rows, others) = RUNS[name](), (ROWS, OTHERS)
    if name == "float64":
        rows, others = as_float64(rows), as_float64(others)
    whole = fnn.fit(run, rows, others, epochs=EPOCHS, seed=3, order_seed=4)
    for calls in (1, 2):
        same(resumed(run, rows, others, calls, tmp_path), whole)


def test_rows_that_are_read_continue_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    run, rows = RUNS["selection"](), InMemoryRows(ROWS)
    whole = fnn.fit(run, rows, InMemoryRows(OTHERS), epochs=EPOCHS, seed=3, order_seed=4)
    same(resumed(run, rows, InMemoryRows(OTHERS), 1, tmp_path), whole)
    same(resumed(run, ROWS, OTHERS, 1, tmp_path), whole)


def test_a_state_alone_continues_without_the_history_before() -> None:
    run = RUNS["average"]()
    whole = fnn.fit(run, ROWS, OTHERS, epochs=EPOCHS)
    first = fnn.fit(run, ROWS, OTHERS, epochs=2)
    rest = fnn.fit(run, ROWS, OTHERS, epochs=EPOCHS, state=first.run_state)
    assert bits(rest.run_state) == bits(whole.run_state)
    assert rest.history["loss"].tobytes() == whole.history["loss"][2:].tobytes()
    again = fnn.fit(run, ROWS, OTHERS, epochs=EPOCHS, state=whole.run_state)
    assert (again.status, again.history) == ("finished", {})
    assert bits(again.params) == bits(whole.params)


def test_what_was_reached_is_saved_however_a_run_ends() -> None:
    run, saved = RUNS["average"](), list[Snapshot]()

    def failing(event: fnn.TrainingEvent) -> None:
        raise KeyError("a logger")

    with pytest.raises(KeyError, match="a logger"):
        fnn.fit(run, ROWS, epochs=2, loggers=[failing], save=saved.append)
    assert [int(snapshot.state.step) for snapshot in saved] == [1]
    fnn.fit(run, ROWS, epochs=2, save=saved.append, save_every=0)
    assert [int(saved[index].state.epoch) for index in (1, -1)] == [0, 2]
    assert len(saved[-1].history["loss"]) == 2 and saved[-1].seconds > 0

    def full(snapshot: Snapshot) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fnn.fit(run, ROWS, epochs=2, save=full)


def test_the_state_of_another_run_is_refused() -> None:
    state = fnn.fit(RUNS["average"](), ROWS, epochs=1).run_state
    with pytest.raises(SpecError, match=r"state: is not the state of this run: average.* alone"):
        fnn.fit(run_of(optimizer="rmsprop"), ROWS, epochs=2, state=state)
    narrow = state._replace(loss_sum=jnp.zeros((), jnp.bfloat16))
    with pytest.raises(SpecError, match=r"loss_sum: expected float32\[\], got bfloat16\[\]"):
        fnn.fit(RUNS["average"](), ROWS, epochs=2, state=narrow)
    with pytest.raises(SpecError, match=r"save_every: expected a number of seconds from 0 up"):
        fnn.fit(RUNS["average"](), ROWS, epochs=2, save_every=-1)


def test_two_runs_in_two_threads_give_the_lone_results() -> None:
    jobs = [(RUNS["selection"](), 3), (RUNS["average"](), 5)]

    def fitted(job: tuple[Run, int]) -> Any:
        return fnn.fit(job[0], ROWS, OTHERS, epochs=EPOCHS, seed=job[1], order_seed=job[1])

    lone = list(map(fitted, jobs))
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fitted, jobs * 2))
    for result, expected in zip(together, lone * 2, strict=True):
        same(result, expected)
