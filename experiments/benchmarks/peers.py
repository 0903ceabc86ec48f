"""fnn beside its peers: the same networks, rows, batches and optimizers, each in its own process.

    python3 scripts/setup.py .venv-peers
    .venv-peers/bin/python -m pip install 'torch>=2.8' 'equinox>=0.13' 'flax>=0.12' 'keras>=3.10'
    ./scripts/bench peers [--only WORK …] [--peers NAME …] [--rounds 11] [--out FOLDER]
    ./scripts/bench peers --only mnist digits xor --peers bare floor      needs no .venv-peers

Every contestant is written as its library's own users would (experiments/peers/training), starts
from the same parameters, shuffles for itself, trains on the ragged last batch too, and has its
library's defaults and all cores. The processes of a work are alive together and take turns, one at
a time: each answers when its threads have gone to sleep, and what it uses all the same while it
waits is printed. The very first epoch, compiling included, is told apart; no compiled programs are
kept, save in `whole`, where whole processes are timed and caches are warm. Times are medians of
rounds. A ratio is that of turns of the same round, its median with the range of the middle half.

Frameworks: Keras (also with steps_per_execution), Flax NNX, Equinox, PyTorch (also torch.compile).
Peers: these, scikit-learn, and NumPy by hand. The bare `lax.scan` and the floor, which is nothing
but a step's matrix products by NumPy's BLAS, are yardsticks. Goals are judged by fnn's engine;
`fnn.fit, whole calls` has what a call of a turn's epochs costs beside: initialization, looks at the
clock. One that fails is named, and the others go on; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.machine import machine
from experiments.peers.training.contestants import ENTRIES, OURS, entries
from experiments.peers.training.end_to_end import processes
from experiments.peers.training.figure import draw
from experiments.peers.training.processes import check_peers, default_peers
from experiments.peers.training.rounds import Record, measure
from experiments.peers.training.tables import heading, notes, table, targets
from experiments.peers.training.targets import verdicts
from experiments.peers.training.workloads import WORKLOADS
from fnn.figures.style import new_figure
from fnn.files import explained, write_json
from fnn.spec import FnnError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables and goals, and write figure and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, "whole"], metavar="WORK",
                        help=", ".join([*WORKLOADS, "whole"]))  # fmt: skip
    others = [name for name in ENTRIES if name != OURS]
    parser.add_argument("--peers", nargs="+", choices=others, metavar="NAME",
                        help=", ".join(others))  # fmt: skip
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--python", type=Path, help="the Python that has the peers (FNN_PEERS)")
    parser.add_argument("--out", type=Path, default=Path("runs/peers"))
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("expected --rounds of at least 1")
    try:
        records = compare(
            options.only or [*WORKLOADS, "whole"],
            options.peers or others,
            options.rounds,
            Path(os.path.abspath(options.python or default_peers())),
            options.out,
        )
    except FnnError as error:
        print(f"peers: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("peers: interrupted", file=sys.stderr)
        return 130
    return int(any(record.failure for record in records))


def compare(
    works: Sequence[str], names: Sequence[str], rounds: int, python: Path, out: Path
) -> list[Record]:
    """All of it. Raises `FnnError` where the peers' Python or matplotlib is missing, and where
    `out` can't be written to."""
    start_time, before = time.perf_counter(), machine()
    new_figure(1, 1)
    if any(ENTRIES[name].peer for name in names):
        check_peers(python)
    with explained(out):
        out.mkdir(parents=True, exist_ok=True)
    if before["load"] > 0.3:
        print(f"note: the load is {before['load']}: what else runs here shows in all that follows")
    records: list[Record] = []
    for name in works:
        records += _measured(name, names, rounds, python)
    result = verdicts(records, works)
    print(*targets(result), sep="\n")
    draw(records, out / "peers.png")
    seconds, after = time.perf_counter() - start_time, machine()
    versions = {name: version for record in records for name, version in record.versions.items()}
    write_json(
        out / "result.json",
        {
            "works": works,
            "rounds": rounds,
            "versions": versions,
            "machine": before | {"load_after": after["load"]},
            "seconds": seconds,
            "goals": [asdict(verdict) for verdict in result],
            "records": [asdict(record) for record in records],
        },
    )
    print(f"{out} holds peers.png, result.json")
    print(_where(before, after, seconds, rounds, versions))
    return records


def _measured(name: str, names: Sequence[str], rounds: int, python: Path) -> list[Record]:
    """One work, its table printed when it is done."""
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as folder:
        if name == "whole":
            print(
                "\nwhole: from nothing to a digits model of 32 hidden units; caches warm",
                flush=True,
            )
            records = processes(names, rounds, python, Path(folder))
            print(*table(records), "", sep="\n", flush=True)
            return records
        work = WORKLOADS[name]
        print(f"\n{heading(work)}", flush=True)
        records = measure(work, entries(names, name), rounds, python, Path(folder))
    print(*table(records, work.shown), *notes(records, work), "", sep="\n", flush=True)
    return records


def _where(
    before: dict[str, Any], after: dict[str, Any], seconds: float, rounds: int, versions: dict
) -> str:
    return (
        f"{rounds} rounds, {seconds / 60:.1f} min on {before['processor']}, {before['cores']} "
        f"cores, load {before['load']} before and {after['load']} after; "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    )


if __name__ == "__main__":
    sys.exit(main())
