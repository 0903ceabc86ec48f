"""Is anything lost when a command is killed? SIGKILL at random moments, resumed and compared.

    ./scripts/python experiments/faults.py --kills 200

Runs, ensembles, sweeps and searches in turn, each a process that is killed at a moment drawn from
those between its first file and its end (in processor time, so that other work on the machine
does not matter), then resumed and compared with one that nothing disturbed: the bytes of every
model, metrics.jsonl without seconds, result.json without times, the trials of a search. Prints
what was lost or differs. Linux only.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from experiments.machine import machine

RUN = "--hidden 4 --dropout 0.1 --batch-size 16 --no-figures"
RATE = "--over learning_rate=1e-4:1e-1:log"
KINDS = {
    "run": f"train digits {RUN} --epochs 60 --save-every 0.2",
    "ensemble": f"train digits {RUN} --epochs 30 --members 2 --save-every 0.2",
    "sweep": f"sweep iris {RUN} --epochs 60 --seeds 2 {RATE}:4",
    "search": f"search iris {RUN} --epochs 20 --trials 8 --batch 2 {RATE}",
}
TIMES = ("seconds", "ended", "timing", "compile_seconds", "digest", "files", "wasted")
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Kill, resume, compare, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(machine()))
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(options.jobs) as pool:
        trials = Trials(Path(place))
        draw, counts = random.Random(options.seed), Counter[str]()
        drawn = [(number, draw.random()) for number in range(options.kills)]
        for number, outcomes in enumerate(pool.map(lambda one: trials.kill(*one), drawn), start=1):
            counts.update(outcomes)
            if number % 10 == 0:
                print(f"{number}: {dict(counts)}", flush=True)
    print(f"{options.kills} moments: {dict(counts)}")
    sys.exit(bool(counts["lost"] or counts["different"]))


class Trials:
    """What the kinds come to undisturbed, and what processor time that takes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.expected: dict[str, dict[str, Any]] = {}
        self.seconds: dict[str, float] = {}
        for kind, command in KINDS.items():
            for turn in "cold", "kept":  # compiled programs are kept from the first one on
                process = self.start(f"{command} --out {kind}-{turn}")
                begin = self.wait_for_folder(process, place / f"{kind}-{turn}")
                used = 0.0
                while process.poll() is None:
                    used = max(used, processor_seconds(process.pid))
                    time.sleep(0.005)
                self.seconds[kind] = used - begin
            self.expected[kind] = outcome(place / f"{kind}-kept")
            assert self.expected[kind] == outcome(place / f"{kind}-cold"), kind

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """`fnn COMMAND…`; what it says goes to a file."""
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(self.place / "programs")}
        with (self.place / "told.txt").open("ab") as told:
            return subprocess.Popen(
                [sys.executable, "-m", "fnn", *command.split()],
                cwd=self.place,
                stdout=told,
                stderr=told,
                env=environment,
            )

    @staticmethod
    def wait_for_folder(process: subprocess.Popen[bytes], folder: Path) -> float:
        """Processor seconds until the folder is made."""
        while process.poll() is None and not folder.exists():
            time.sleep(0.001)
        return processor_seconds(process.pid)

    def kill(self, number: int, share: float) -> list[str]:
        """Kill at that share of the time, resume, compare; names of what came of it."""
        kind = list(KINDS)[number % len(KINDS)]
        folder = self.place / f"killed-{number}"
        process = self.start(f"{KINDS[kind]} --out {folder.name}")
        until = self.wait_for_folder(process, folder) + share * self.seconds[kind]
        while process.poll() is None and processor_seconds(process.pid) < until:
            time.sleep(0.001)
        time.sleep(share * number % 0.02)  # processor time has ticks of 10 ms
        process.kill()
        outcomes = [kind, "killed" if process.wait() == -9 else "ended before"]
        begun = (folder / "config.json").exists() or (folder / f"{kind}.json").exists()
        if begun:
            again = self.start(f"{KINDS[kind].split()[0]} --resume {folder.name}")
            status = again.wait()
        else:  # nothing was recorded yet
            shutil.rmtree(folder, ignore_errors=True)
            outcomes.append("begun anew")
            status = self.start(f"{KINDS[kind]} --out {folder.name}").wait()
        if status:
            outcomes.append("refused")
        fault = difference(folder, self.expected[kind])
        if fault is None:
            shutil.rmtree(folder)
            return [*outcomes, "same"]
        print(f"{kind}, moment {number} ({share:.3f}), status {status}: {fault}", flush=True)
        print((self.place / "told.txt").read_text()[-1500:], flush=True)
        return [*outcomes, "lost" if "missing" in fault else "different"]


def processor_seconds(pid: int) -> float:
    """What a process has used so far; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def outcome(folder: Path) -> dict[str, Any]:
    """All that is promised to be the same: every number but for times, and the models' bytes."""
    made: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "result.json":
            record = json.loads(path.read_text())
            made[name] = {key: value for key, value in record.items() if key not in TIMES}
        elif path.name == "metrics.jsonl":
            rows = map(json.loads, path.read_text().splitlines())
            made[name] = [{key: row[key] for key in row if key != "seconds"} for row in rows]
        elif path.name == "trials.csv" or path.match("model-*.safetensors"):
            made[name] = path.read_bytes()
    return made


def difference(folder: Path, expected: dict[str, Any]) -> str | None:
    """What is missing, or differs; None where all is the same."""
    try:
        made = outcome(folder)
    except ValueError as error:
        return f"cannot be read: {error}"
    missing = expected.keys() - made.keys()
    if missing:
        return f"missing: {sorted(missing)}"
    names = sorted(name for name in made if made[name] != expected.get(name))
    return f"different: {names}" if names else None


if __name__ == "__main__":
    main()
