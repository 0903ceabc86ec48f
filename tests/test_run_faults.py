"""Kills, full disks and flipped bits at any moment: nothing that was reached is lost or differs.

`./scripts/test --faults tests/test_run_faults.py` goes through every operation and 1,000 bits; by
default some of them, spread evenly, are tried.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fnn
from experiments.faults import outcome as outcome_so_far
from fnn.model import load
from fnn.runs import verify
from fnn.spec import FnnError
from fnn.sweeps import Range
from tests.injection import Killed, full, full_once, killed_at, on_disk

NET = fnn.mlp([4], 3, dropout=0.2)
RUN = fnn.Run(fnn.Objective(NET, "cross_entropy"), "adam", 32)
EPOCHS = 3


def train(folder: Path) -> None:
    options: Any = {"progress": False, "save_every": 0, "resume": True}
    fnn.train(NET, "iris", epochs=EPOCHS, folder=folder, **options)


def ensemble(folder: Path) -> None:
    fnn.ensemble(RUN, "iris", members=2, epochs=EPOCHS, folder=folder, save_every=0)


def sweep(folder: Path) -> None:
    over: Any = {"batch_size": [16, 32], "learning_rate": [0.01, 0.1]}
    fnn.sweep(RUN, "iris", over=over, epochs=EPOCHS, folder=folder, models=1, save_every=0)


def search(folder: Path) -> None:
    over: Any = {"learning_rate": Range(1e-3, 1e-1, log=True)}
    fnn.api.bayes(RUN, "iris", over=over, trials=4, batch=2, epochs=EPOCHS, folder=folder)


KINDS: dict[str, Callable[[Path], None]] = {
    "train": train,
    "ensemble": ensemble,
    "sweep": sweep,
    "search": search,
}
SOME = {"train": 14, "ensemble": 8, "sweep": 8, "search": 8}
"""moments that are tried by default"""


@pytest.fixture(autouse=True)
def without_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They come after all else, and take most of the time."""
    for name in ("single", "ensemble", "sweep", "search"):
        module = f"fnn.runs.adapters.{name}"
        adapter = {"single": "SingleRun"}.get(name, name.title()) + "Adapter"
        monkeypatch.setattr(f"{module}.{adapter}.draw", lambda *_: None)
    yield


def outcome(folder: Path) -> dict[str, Any]:
    """`experiments.faults.outcome` of a training that has ended."""
    made = outcome_so_far(folder)
    assert "result.json" in made
    return made


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind, of a training that nothing interrupted."""
    return {kind: tmp_path_factory.mktemp("whole") / kind for kind in KINDS}


def whole(wholes: dict[str, Path], kind: str) -> Path:
    if not wholes[kind].exists():
        KINDS[kind](wholes[kind])
    return wholes[kind]


def operations(kind: str, folder: Path) -> int:
    """How many a training makes; a few more or less as its calls take longer or shorter."""
    with on_disk(folder, lambda number: None) as disk:
        KINDS[kind](folder)
    return disk.count


def some(count: int, wanted: int, everything: bool) -> list[int]:
    """Numbers from 1 to `count`: all, or so many spread evenly, first and last among them."""
    if everything or count <= wanted:
        return [*range(1, count + 1)]
    return sorted({1 + round(index * (count - 1) / (wanted - 1)) for index in range(wanted)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_operation_loses_nothing(
    kind: str, wholes: dict[str, Path], tmp_path: Path, faults: bool
) -> None:
    expected = outcome(whole(wholes, kind))
    count = operations(kind, tmp_path / "counted")
    assert count > 20
    assert outcome(tmp_path / "counted") == expected
    kills = 0
    for moment in some(count, SOME[kind], faults):
        folder = tmp_path / f"killed-{moment}"
        with on_disk(folder, killed_at(moment)) as disk:
            try:
                KINDS[kind](folder)
            except Killed:
                kills += 1
        if disk.count >= moment:
            _go_on(kind, folder)
        assert outcome(folder) == expected, moment
        assert verify(folder)[1] == [], moment
        shutil.rmtree(folder)
    assert kills > 5


def _go_on(kind: str, folder: Path) -> None:
    """The same call again; one that was at its very end is refused, and whole."""
    try:
        KINDS[kind](folder)
    except FnnError as error:
        if not (folder / "result.json").exists() or "exists already" not in str(error):
            raise


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    wholes: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training goes on in memory, says so once, and writes all of it once there is room."""
    expected = outcome(whole(wholes, "train"))
    with on_disk(tmp_path / "a", full_once(tmp_path / "a" / "checkpoints", 3)) as disk:
        train(tmp_path / "a")
    assert disk.count > 8
    assert outcome(tmp_path / "a") == expected
    told = capsys.readouterr().err
    assert told.count("no space left on device: training goes on, and it is tried again") == 1


def test_a_disk_that_stays_full_leaves_the_last_checkpoint(
    wholes: dict[str, Path], tmp_path: Path
) -> None:
    expected, folder = outcome(whole(wholes, "train")), tmp_path / "a"
    with on_disk(folder, full(25, 10**9)), pytest.raises(FnnError, match="no space left"):
        train(folder)
    assert list((folder / "checkpoints").glob("step-*.json"))
    train(folder)
    assert outcome(folder) == expected


def test_a_folder_that_is_removed_or_renamed_meanwhile_is_made_anew(
    wholes: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, folder = outcome(whole(wholes, "train")), tmp_path / "a"

    def rename(event: fnn.TrainingEvent) -> None:
        if folder.exists() and not (tmp_path / "b").exists():
            folder.rename(tmp_path / "b")

    fnn.train(
        *(NET, "iris"),
        epochs=EPOCHS,
        folder=folder,
        loggers=[rename],
        save_every=0,
        progress=False,
        resume=True,
    )
    made = outcome(folder)
    assert made == expected
    assert "was removed: it is made anew" in capsys.readouterr().err


def test_two_trainings_in_one_folder(tmp_path: Path) -> None:
    """The second one is refused, and the first one goes on."""
    folder, refused = tmp_path / "a", list[str]()

    def second(event: fnn.TrainingEvent) -> None:
        if not refused:
            with pytest.raises(FnnError) as caught:
                train(folder)
            refused.append(str(caught.value))

    fnn.train(NET, "iris", epochs=EPOCHS, folder=folder, loggers=[second], progress=False)
    assert refused == [
        f"{folder / 'config.json'}: another process trains in this folder: wait for its end"
    ]
    assert load(folder).objective.net.layers[0].units == 4
    assert not list(folder.glob(".*"))


def behaviour(folder: Path) -> dict[str, Any]:
    """What people read of a folder: predictions, metrics, the list of runs, what repeats it."""
    from fnn.runs import RunFolder, summarize

    model = load(folder)
    run = RunFolder.open(folder)
    return {
        "model": [leaf.tobytes() for leaf in map(fnn.host.fetch, _leaves(model.params))],
        "spec": fnn.to_json(model.objective),
        "config": {key: value for key, value in run.config.items() if key != "digest"},
        "result": run.result,
        "history": run.history(),
        "listed": summarize(folder),
    }


def _leaves(tree: Any) -> list[Any]:
    import jax

    return jax.tree.leaves(tree)


@pytest.mark.parametrize("kind", ["train", "ensemble", "search"])
def test_no_changed_bit_passes_in_silence(
    kind: str, wholes: dict[str, Path], tmp_path: Path, faults: bool
) -> None:
    """A flipped bit or a cut either changes nothing that people read, or is told with the file."""
    folder = tmp_path / kind
    shutil.copytree(whole(wholes, kind), folder)
    expected, told = behaviour(folder), 0
    draw = random.Random(1)
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "checkpoints" not in path.parts and path.suffix != ".png"
    )
    for number in range(1000 // 3 if faults else 60):
        path = files[number % len(files)]
        data = path.read_bytes()
        if not data:
            continue
        changed = bytearray(data)
        place = draw.randrange(len(data))
        if number % 6 == 5:
            changed = changed[:place]
        else:
            changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        problems = verify(folder)[1]
        try:
            assert behaviour(folder) == expected or problems, (path, place)
        except FnnError as error:
            assert str(folder) in str(error)
            told += 1
            assert problems, (path, place)
        told += bool(problems)
        path.write_bytes(data)
    assert told > 20
    assert behaviour(folder) == expected and verify(folder)[1] == []


@pytest.mark.parametrize("kind", KINDS)
def test_verify_names_the_file_and_the_leaf(
    kind: str, wholes: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / kind
    shutil.copytree(whole(wholes, kind), folder)
    assert verify(folder)[1] == []
    tensors = sorted(folder.rglob("model-*.safetensors"))[0]
    data = bytearray(tensors.read_bytes())
    data[-1] ^= 1
    tensors.write_bytes(data)
    (problem,) = verify(folder)[1]
    assert problem.startswith(f"{tensors}: damaged in params.")
    tensors.unlink()
    (problem,) = verify(folder)[1]
    assert problem == f"{tensors}: does not exist"


@pytest.mark.parametrize(
    ("kind", "pattern", "leaf"),
    [("sweep", "ended/00000-*", "kept/"), ("search", "search-best-*", "best/params.")],
)
def test_verify_reads_what_is_resumed_from(
    kind: str, pattern: str, leaf: str, wholes: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / kind
    shutil.copytree(whole(wholes, kind), folder)
    listed = json.loads((folder / "result.json").read_text())["files"]
    assert not [name for name in listed if name.endswith(".safetensors") or "ended/" in name]
    (tensors,) = folder.glob(pattern)
    data = bytearray(tensors.read_bytes())
    data[-1] ^= 1
    tensors.write_bytes(data)
    (problem,) = verify(folder)[1]
    assert problem.startswith(f"{tensors}: damaged in {leaf}")


def test_verify_reads_what_an_unfinished_ensemble_is_resumed_from(tmp_path: Path) -> None:
    folder = tmp_path / "ensemble"
    with on_disk(folder, killed_at(40)), pytest.raises(Killed):
        ensemble(folder)
    assert verify(folder)[1] == []
    tensors = sorted((folder / ".members").rglob("*.safetensors"))[0]
    tensors.write_bytes(tensors.read_bytes()[:-1])
    (problem,) = verify(folder)[1]
    assert problem.startswith(f"{tensors}: damaged")
