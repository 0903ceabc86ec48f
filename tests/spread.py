"""Runs that are to come out the same on any number of devices, and a program that keeps them.

python -m tests.spread OUT.npz NAMES DEVICES ADDRESS PROCESSES PROCESS
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

import fnn
from fnn.search import halving
from fnn.sweeps import Range, SweepResult, TrainedMembers, batch, members, train_members
from fnn.sweeps.sweep import sweep_members
from fnn.training import LastEpochs, MovingAverage, Selection
from fnn.training.rows import InMemoryRows
from tests.processes import ROOT, environment

ROWS, VALIDATION, SIZE = 100, 37, 16
"""a ragged last batch of 4, and rows to validate that no number of devices divides"""
NET = fnn.mlp([8], 3, batch_norm=True, dropout=0.2)
OBJECTIVE = fnn.Objective(NET, "cross_entropy", (fnn.losses.L2(1e-3),), fnn.Policy("float64"))
RUN = fnn.Run(
    OBJECTIVE,
    fnn.optimizers.Adam(0.02),
    SIZE,
    selection=Selection("loss", patience=4.0),
    averaging=MovingAverage(0.9),
)


def rows(count: int, weighted: bool) -> fnn.Batch:
    """The first of one set of rows."""
    draw = np.random.default_rng(1)
    x, weight = draw.normal(size=(count, 5)), draw.uniform(0, 2, count)
    target = (np.arange(count) % 3).astype(np.int32)
    return fnn.Batch(x, target, weight if weighted else None)


def resident(devices: Any) -> fnn.training.FitResult:
    """Weights, a ragged batch, patience that ends the run, a moving average."""
    return fnn.fit(RUN, rows(ROWS, True), rows(VALIDATION, True), epochs=30, devices=devices)


def continued(devices: Any) -> fnn.training.FitResult:
    """`resident`, interrupted after the first step, and continued from its state."""
    given = RUN, rows(ROWS, True), rows(VALIDATION, True)
    cut = fnn.fit(*given, epochs=30, devices=devices, stop=lambda: 1)
    assert (int(cut.run_state.step), cut.status) == (1, "interrupted")
    return fnn.fit(*given, epochs=30, devices=devices, state=cut.run_state)


def streamed(devices: Any) -> fnn.training.FitResult:
    """Rows that are read, the manual gradient, monitors, the last epochs' average."""
    run = fnn.Run(
        OBJECTIVE, "adam", SIZE, "manual", averaging=LastEpochs(3), monitor=True, validate_every=2
    )
    given = InMemoryRows(rows(ROWS, False)), InMemoryRows(rows(VALIDATION, False))
    return fnn.fit(run, *given, epochs=4, devices=devices)


def swept(devices: Any) -> Any:
    """9 members, of which some diverge, some end early, and the others move closer together."""
    costs, batch.COMPILING = batch.COMPILING, 0.0
    try:
        return trained([0.02, 0.5, 1e300], devices)
    finally:
        batch.COMPILING = costs


def members_of(devices: Any) -> Any:
    """6 members."""
    return trained([0.02, 0.5], devices)


def trained(rates: list[float], devices: Any) -> Any:
    """Three seeds of each learning rate."""
    run = fnn.replace(RUN, averaging=None)
    return train_members(
        members(run, {"learning_rate": rates, "seed": range(3)}),
        rows(ROWS, True),
        rows(VALIDATION, True),
        epochs=20,
        keep=None,
        devices=devices,
    )


def kept(devices: Any, folder: str) -> SweepResult:
    """12 members of two structures in a folder, interrupted under way and between the two."""
    cuts, due = [0, 6], []

    def cut(event: fnn.training.TrainingEvent) -> None:
        if cuts and event.members.done >= cuts[0] and jax.process_index() == 0:
            del cuts[0]
            due.append(signal.SIGINT)

    def stop() -> int:
        return due.pop() if due else 0

    run = fnn.replace(RUN, averaging=None)
    found = members(run, {"batch_size": [16, 24], "learning_rate": [0.02, 1e300], "seed": range(3)})
    given = found, rows(ROWS, True), rows(VALIDATION, True)
    for ended in (0, 6, 12):
        made = sweep_members(
            *given,
            epochs=20,
            keep=None,
            folder=folder,
            loggers=[cut],
            stop=stop,
            devices=devices,
        )
        assert made.interrupted == (signal.SIGINT if ended < 12 else None)
        assert len([o for o in made.outcomes if o.status != "interrupted"]) == ended
    return made


def halved(devices: Any) -> SweepResult:
    """9 settings, of which one comes to the end."""
    over = {"learning_rate": Range(0.001, 0.1, log=True)}
    given = RUN, rows(ROWS, True), rows(VALIDATION, True)
    return halving(*given, over=over, draws=9, epochs=9, keep=None, devices=devices)


RUNS = {
    "resident": resident,
    "continued": continued,
    "streamed": streamed,
    "swept": swept,
    "members": members_of,
    "halved": halved,
}


def told(devices: Any, names: list[str], folder: str | None = None) -> dict[str, np.ndarray]:
    """What came of the runs of those names, in arrays."""
    found: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as place:
            made = kept(devices, folder or place) if name == "kept" else RUNS[name](devices)
        if isinstance(made, TrainedMembers | SweepResult):
            found[name] = [
                (o.status, o.epochs, o.best_epoch or 0, o.params, o.state, o.history)
                for o in made.outcomes
            ]
        else:
            state = made.run_state._replace(order_key=None, step_key=None)
            found[name] = made.params, made.state, made.history, state, made.status
    leaves = jax.tree_util.tree_leaves_with_path(found)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def furthest(made: Any, expected: Any) -> float:
    """The largest difference, relative above 1; words and counts have to be equal."""
    assert set(made) == set(expected)
    far = 0.0
    for name, leaf in expected.items():
        if np.issubdtype(leaf.dtype, np.floating):
            np.testing.assert_array_equal(np.isfinite(made[name]), np.isfinite(leaf), name)
            both = np.isfinite(leaf)
            apart = np.abs(made[name] - leaf)[both] / np.maximum(np.abs(leaf[both]), 1)
            far = max(far, apart.max(initial=0.0))
        else:
            np.testing.assert_array_equal(made[name], leaf, name)
    return far


def run(out: Path, names: list[str], devices: int, processes: int = 1) -> list[dict[str, Any]]:
    """What came of them on so many devices, as each of so many processes has it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    outs = [out / f"{processes}-{number}.npz" for number in range(processes)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.spread"]
            + [str(word) for word in (place, ",".join(names), devices, address, processes, number)],
            cwd=ROOT,
            env=environment(out / "programs"),
            stderr=subprocess.PIPE,
        )
        for number, place in enumerate(outs)
    ]
    errors = [process.communicate(timeout=300)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * processes, errors
    return [dict(np.load(place)) for place in outs]


def main(out: str, names: str, devices: str, address: str, processes: str, process: str) -> None:
    """One of the processes."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_num_cpu_devices", int(devices) // int(processes))
    if int(processes) > 1:
        jax.distributed.initialize(address, int(processes), int(process))
    assert (jax.device_count(), jax.process_count()) == (int(devices), int(processes))
    np.savez(out, **told("all", names.split(","), str(Path(out).parent / "kept")))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    main(*sys.argv[1:])
