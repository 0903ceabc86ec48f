"""A contestant's process: commands as lines of JSON come in, answers as lines of JSON go out.

    python -m experiments.peers.training.worker MODULE:CLASS WORK

WORK is a `Workload` as JSON. The first line says how long importing the library and setting up
took. An answer comes when all threads have gone to sleep: those of a BLAS spin for a while when
their work is done. It has `waiting`: the seconds of CPU that the process used after its last answer
all the same. Whatever else is printed goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from importlib import metadata
from typing import Any

NAMES = ("equinox", "flax", "jax", "jaxlib", "keras", "numpy", "optax", "scikit-learn", "torch")


def main(place: str, described: str) -> None:
    """Set up, then do as told until told to end."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, _, name = place.partition(":")
    start_time = time.perf_counter()
    make = getattr(importlib.import_module(module), name)
    imported = time.perf_counter() - start_time
    from experiments.peers.training.workloads import Workload

    work = Workload(**json.loads(described, object_hook=_with_tuples))
    start_time = time.perf_counter()
    contestant = make(work)
    contestant.load(work.params())
    answer: dict[str, Any] = {"import": imported, "set_up": time.perf_counter() - start_time}
    used = 0.0
    while answer:
        _settle()
        answer["waiting"] = round(used, 6)
        print(json.dumps(answer), file=replies, flush=True)
        idle = time.process_time()
        command = json.loads(sys.stdin.readline() or '{"do": "end"}')
        used = time.process_time() - idle
        answer = done(contestant, work, command)


def done(contestant: Any, work: Any, command: dict[str, Any]) -> dict[str, Any]:
    """The answer to a command."""
    match command["do"]:
        case "train":
            return _timed(lambda: contestant.train(command["epochs"]))
        case "evaluate":
            return _timed(contestant.evaluate)
        case "predict":
            x = work.draw(command["rows"], 3).x

            def predict() -> float:
                for _ in range(command["calls"]):
                    output = contestant.predict(x)
                return float(output[0, 0])

            return _timed(predict)
        case "report":
            return {"memory": peak_memory(), "versions": _versions()}
    return {}


def peak_memory() -> int:
    """Bytes. Where /proc has it, of this program alone; else of what started it too."""
    try:
        with open("/proc/self/status") as status:
            (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
        return int(peak) * 1024
    except OSError:
        peak_of_all = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak_of_all * (1 if sys.platform == "darwin" else 1024)


def _settle() -> None:
    """Wait until this process uses less than a tenth of a core, for a second at most."""
    for _ in range(200):
        before = time.process_time()
        time.sleep(0.005)
        if time.process_time() - before < 0.0005:
            return


def _timed(call: Any) -> dict[str, Any]:
    start_time = time.perf_counter()
    value = call()
    return {"seconds": time.perf_counter() - start_time, "value": value}


def _versions() -> dict[str, str]:
    """Of what this process has imported."""
    modules = {"scikit-learn": "sklearn"}
    return {
        name: metadata.version(name) for name in NAMES if modules.get(name, name) in sys.modules
    }


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
