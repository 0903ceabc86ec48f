"""Rows that are read as they are needed: the same bits, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import chex
import jax
import numpy as np
import pytest

import fnn
from fnn.data import DataError, load, prepare
from fnn.optimizers import Adam
from fnn.training import LastEpochs, Selection, fit
from fnn.training.host.in_memory import InMemorySource
from fnn.training.host.streaming import StreamingSource
from fnn.training.rows import InMemoryRows, evaluate_rows
from tests.cases import random_like

ROWS, CLASSES = 203, 3
DATA = fnn.Batch(
    np.asarray(random_like(fnn.shape(ROWS, 4, dtype="float64"), 1)),
    (np.arange(ROWS) % CLASSES).astype(np.int32),
)
RUN = fnn.numbers(
    fnn.Run(
        fnn.Objective(
            fnn.mlp([6], CLASSES, dropout=0.2, batch_norm=True),
            "cross_entropy",
            policy=fnn.Policy("float64"),
        ),
        Adam(0.01),
        batch_size=10,
        selection=Selection("loss", patience=50.0),
        averaging=LastEpochs(2),
        monitor=True,
        validate_every=2,
    )
)
ROW_BYTES = 4 * 8 + 4
start = jax.jit(fnn.init_state, static_argnames="in_shape")


@pytest.fixture(scope="module")
def resident():
    source = InMemorySource(RUN, DATA, DATA, None)
    state = start(RUN, fnn.shape(4, dtype="float64"), seed=0, order_seed=0)
    return state, source.advance(state, 0, 4 * source.plan.steps)


@pytest.mark.parametrize("chunk", [1, 3, 7, 20, 100])
@pytest.mark.parametrize("stride", [84, 13, 1])
def test_the_same_bits_as_rows_in_memory(resident, chunk: int, stride: int) -> None:
    """Chunks of so many batches, calls of so many steps: 20 whole batches and a ragged one."""
    state, (wanted, told) = resident
    rows = InMemoryRows(DATA)
    source = StreamingSource(RUN, rows, rows, chunk_bytes=chunk * RUN.batch_size * ROW_BYTES)
    assert (source.batches, source.plan.steps) == (min(chunk, 20), 21)
    if stride == 1:
        assert len(source.advance(state, 0, 0)[1].loss) == 0
    parts = []
    for first in range(0, 84, stride):
        state, metrics = source.advance(state, first, min(first + stride, 84))
        if len(metrics.loss):
            parts.append(metrics)
    chex.assert_trees_all_equal(state, wanted)
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    chex.assert_trees_all_equal(joined, told)


def test_it_stops_by_itself_as_in_memory() -> None:
    run = fnn.replace(RUN, selection=Selection("loss", patience=2.0, min_delta=9.0))
    streamed = fit(run, InMemoryRows(DATA), InMemoryRows(DATA), epochs=20)
    whole = fit(run, DATA, DATA, epochs=20)
    assert streamed.status == whole.status == "stopped early"
    chex.assert_trees_all_equal(streamed.run_state, whole.run_state)
    chex.assert_trees_all_equal(streamed.history, whole.history)


def test_a_batch_of_all_rows_lies_in_memory() -> None:
    run = fnn.replace(RUN, batch_size="full")
    read, whole = (fit(run, rows, rows, epochs=2) for rows in (InMemoryRows(DATA), DATA))
    chex.assert_trees_all_equal(read.run_state, whole.run_state)
    with pytest.raises(fnn.SpecError, match="batch_size: a batch of all rows must lie in memory"):
        StreamingSource(run, InMemoryRows(DATA), None)


def test_weights_are_refused() -> None:
    rows = InMemoryRows(DATA._replace(weight=np.ones(ROWS)))
    with pytest.raises(fnn.SpecError, match=r"rows\.weight: rows that are read can't have weights"):
        fit(RUN, rows, InMemoryRows(DATA), epochs=2)


def test_metrics_of_rows_that_are_read(resident) -> None:
    state = resident[0]
    names, rest = ("loss", "accuracy", "auc"), (state.params, state.state)
    whole = evaluate_rows(RUN.objective, *rest, DATA, names)
    read = evaluate_rows(RUN.objective, *rest, InMemoryRows(DATA), names)
    chex.assert_trees_all_close(read, whole, rtol=1e-13)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    target = np.arange(300) % 3
    x = draw.normal(size=(300, 5)) * [1, 10, 100, 1, 0] + target[:, None]
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    np.save(tmp_path / "y.npy", target)
    np.savez(tmp_path / "same.npz", x=x.astype(np.float32), y=target)
    return tmp_path


def test_a_folder_trains_like_its_arrays(folder: Path) -> None:
    """Splitting, standardizing, training, measuring: from disk and from memory the same bits."""
    net = fnn.mlp([4], 3)
    disk, memory = (
        fnn.train(net, path, epochs=3, batch_size=16) for path in (folder, folder / "same.npz")
    )
    chex.assert_trees_all_equal(disk.run_state.params, memory.run_state.params)
    chex.assert_trees_all_equal(disk.history, memory.history)
    assert (disk.test, disk.validation) == (memory.test, memory.validation)
    fitted = [result.prepared.preprocessing.to_json() for result in (disk, memory)]
    assert fitted[0] == fitted[1]


def test_an_official_test_part_on_disk(folder: Path) -> None:
    np.save(folder / "x_test.npy", np.load(folder / "x.npy")[:30])
    np.save(folder / "y_test.npy", np.load(folder / "y.npy")[:30])
    prepared = prepare(load(folder))
    assert [len(part) for part in prepared[:3]] == [225, 75, 30]
    whole = prepared.preprocessing.encode(np.load(folder / "x.npy")[:30])
    np.testing.assert_array_equal(prepared.test.read(np.arange(30)).x, whole)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda path: (path / "y.npy").unlink(), "y.npy: cannot be read: No such file"),
        (lambda path: np.save(path / "x_test.npy", np.ones((2, 5))), "both x_test.npy and y_test"),
        (lambda path: np.save(path / "x.npy", np.ones((300, 5), int)), "x.npy: expected uint8"),
        (lambda path: np.save(path / "x.npy", np.ones(300)), "expected a row of inputs"),
        (lambda path: np.save(path / "y.npy", np.arange(299) % 3), "as many rows of inputs"),
        (lambda path: (path / "x.npy").write_bytes(b"nothing"), "x.npy: no array can be read"),
        (lambda path: np.save(path / "x.npy", np.full((300, 5), np.nan)), "1500 NaN"),
    ],
)
def test_a_folder_that_cannot_be_used(folder: Path, fault, message: str) -> None:
    fault(folder)
    with pytest.raises(DataError, match=message):
        load(folder)


CAPPED = """
import json, resource, sys
import jax
import numpy as np
import fnn
from fnn.data import load, prepare
from fnn.training.host import streaming

streaming.CHUNK_BYTES = 8 * 2**20

def data_bytes():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmData")) * 1024

def train(prepared):
    run = fnn.Run(fnn.Objective(fnn.mlp([8], 10), "cross_entropy"), "adam", 512)
    return fnn.fit(run, prepared.train, prepared.validation, epochs=1)

folder, how, cap = sys.argv[1], sys.argv[2], int(sys.argv[3])
if how == "streamed":
    train(prepare(load(sys.argv[4])))
limit = data_bytes() + cap
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
data = load(folder)
if how == "resident":
    x = np.divide(data.inputs, 255, dtype=np.float32)
    raise SystemExit("the cap does not bite")
made = train(prepare(data))
print(json.dumps([len(data.target), made.history["loss"].tolist()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the cap is Linux's")
def test_four_times_the_memory_there_is(tmp_path: Path) -> None:
    """1 GB of uint8 rows (4 GB as floats) under a cap of 256 MB; resident they don't fit.

    The file has holes, read as zeros: it takes no room on the disk.
    """
    cap, width = 256 * 2**20, 1024
    rows = 4 * cap // width
    for name, count in (("large", rows), ("small", 8192)):
        (tmp_path / name).mkdir()
        target = np.arange(count) % 10
        x = np.lib.format.open_memmap(tmp_path / name / "x.npy", "w+", np.uint8, (count, width))
        x[::1000] = np.arange(width) % 256
        x.flush()
        np.save(tmp_path / name / "y.npy", target)

    def run(how: str) -> subprocess.CompletedProcess[str]:
        arguments = [tmp_path / "large", how, cap, tmp_path / "small"]
        return subprocess.run(
            [sys.executable, "-c", CAPPED, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("streamed")
    assert done.returncode == 0, done.stderr
    seen, losses = json.loads(done.stdout)
    assert seen == rows and np.isfinite(losses).all()
    resident = run("resident")
    assert resident.returncode != 0 and "MemoryError" in resident.stderr
