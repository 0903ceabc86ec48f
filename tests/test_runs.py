"""A run's folder holds what was recorded, and past runs make a table."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import fnn
from fnn import model
from fnn.checkpoint import versions
from fnn.files import digest_of
from fnn.model import Model
from fnn.runs import COLUMNS, RunFolder, RunSummary, folder_name, list_runs, summarize, table
from fnn.spec import FnnError
from tests.test_files import little_room, locked

RUN = fnn.Run(
    fnn.Objective(fnn.mlp([4], 3, dropout=0.25), "cross_entropy"), fnn.optimizers.Adam(0.01), 8
)
DATA = {"name": "iris", "path": None, "sha256": "0" * 64, "rows": {"train": 90, "test": 30}}
COMMAND = ["fnn", "train", "iris", "--hidden", "4"]
ROWS = [
    {"epoch": 1, "step": 12, "loss": 1.25, "validation": {"loss": 1.0, "accuracy": 0.5}},
    {"epoch": 2, "step": 24, "loss": math.inf, "validation": {"loss": -math.inf}},
]


def configure(run: RunFolder, **changes: Any) -> None:
    given: dict[str, Any] = {
        "command": COMMAND,
        "options": {"hidden": (4,), "missing": "NaN", "data_dir": Path("data")},
        "run": RUN,
        "data": DATA,
        "seeds": {"seed": 0, "order_seed": 1, "split_seed": 2},
        "parameters": 35,
    }
    run.write_config(**given | changes)


def conclude(run: RunFolder, status: str = "finished", **changes: Any) -> None:
    given: dict[str, Any] = {
        "epochs": 2,
        "best_epoch": 1,
        "metric": "accuracy",
        "validation": {"loss": 1.0, "accuracy": 0.5},
        "test": {"loss": np.float32(0.75), "accuracy": 0.5},
        "test_rows": 30,
        "seconds": 3.5,
    }
    run.write_result(status, **given | changes)


def test_everything_that_a_run_folder_holds_comes_back(tmp_path: Path) -> None:
    parent = tmp_path / "runs"
    before = datetime.now().astimezone().replace(microsecond=0)
    params = jax.tree.map(
        lambda leaf: np.ones(leaf.shape, leaf.dtype),
        jax.eval_shape(lambda: RUN.objective.init(jax.random.key(0), fnn.shape(4))),
    )
    with RunFolder.create(name="iris", parent=parent) as run:
        configure(run)
        for row in ROWS:
            run.append(row)
        assert RunFolder.open(run.path).history() == ROWS
        assert RunFolder.open(run.path).result is None
        model.save(Model(RUN.objective, *params, fnn.shape(4)), run.model_path)
        conclude(run, test_loss_by_class=np.array([1.0, math.nan]), note="NaN in words")
    assert sorted(path.name for path in run.path.iterdir()) == [
        "config.json",
        "metrics.jsonl",
        "model",
        "result.json",
    ]

    back = RunFolder.open(str(parent / "iris-1"))
    config, result = back.config, back.result
    assert result is not None
    started, ended = (datetime.fromisoformat(at) for at in (config["started"], result["ended"]))
    assert before <= started <= ended <= datetime.now().astimezone()
    assert fnn.from_json(json.dumps(config["run"])) == RUN
    device = jax.devices()[0]
    assert config == {
        "format": 2,
        "command": COMMAND,
        "options": {"hidden": [4], "missing": "NaN", "data_dir": "data"},
        "run": json.loads(fnn.to_json(RUN)),
        "data": DATA,
        "seeds": {"seed": 0, "order_seed": 1, "split_seed": 2},
        "parameters": 35,
        "versions": versions(),
        "device": {"platform": device.platform, "kind": device.device_kind, "count": 1},
        "random": {
            "jax_default_prng_impl": "threefry2x32",
            "jax_threefry_partitionable": jax.config.jax_threefry_partitionable,
        },
        "started": config["started"],
        "digest": digest_of(config),
    }
    assert result.pop("digest") and list(result.pop("files")) == ["metrics.jsonl"]
    assert math.isnan(result.pop("test_loss_by_class")[1])
    assert result == {
        "format": 2,
        "status": "finished",
        "epochs": 2,
        "best_epoch": 1,
        "metric": "accuracy",
        "validation": {"loss": 1.0, "accuracy": 0.5},
        "test": {"loss": 0.75, "accuracy": 0.5},
        "test_rows": 30,
        "seconds": 3.5,
        "note": "NaN in words",
        "ended": result["ended"],
    }
    assert back.history() == ROWS
    for line in (back.path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    loaded = model.load(back.path)
    assert loaded.objective == RUN.objective
    jax.tree.map(np.testing.assert_array_equal, (loaded.params, loaded.state), tuple(params))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "digits"),
        ("breast_cancer", "breast_cancer"),
        ("../some folder/my data.csv", "my-data"),
        (r"C:\data\größe (neu).csv.gz", "größe-neu"),
        ("v1.2.npz", "v1.2"),
        ("a/b/", "b"),
        (".hidden", "run"),
        ("..", "run"),
        ("", "run"),
        ("x" * 300, "x" * 60),
    ],
)
def test_folder_names(data: str, name: str) -> None:
    assert folder_name(data) == name


def test_the_next_free_folder(tmp_path: Path) -> None:
    for name in ("iris-1", "iris-3", "iris-x", "iris-2-7", "digits-9"):
        (tmp_path / name).mkdir()
    assert RunFolder.create(name="iris.csv", parent=tmp_path).path == tmp_path / "iris-4"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: RunFolder.create(name="wine", parent=tmp_path), range(24)))
    assert {run.path.name for run in made} == {f"wine-{number}" for number in range(1, 25)}


def existing(path: Path) -> Path:
    (path / "there").mkdir()
    return path / "there"


def below_a_file(path: Path) -> Path:
    (path / "file").touch()
    return path / "file" / "runs"


def forbidden(path: Path) -> Path:
    return locked(path) / "runs"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (existing, "exists already"),
        (below_a_file, "a part of this path is not a folder"),
        (lambda path: path / ("a" * 300), "file name too long"),
        (forbidden, "permission denied"),
    ],
)
def test_where_no_folder_can_be_made(
    tmp_path: Path, place: Callable[[Path], Path], words: str
) -> None:
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FnnError) as caught:
        RunFolder.create(path)
    assert str(caught.value) == f"{path}: {words}"
    if words != "exists already":
        with pytest.raises(FnnError, match=words):
            RunFolder.create(name="iris", parent=path)
    assert sorted(tmp_path.rglob("*")) == before


def begin(run: RunFolder) -> None:
    configure(run)
    with little_room(0), pytest.raises(FnnError, match="file too large"):
        run.append(ROWS[0])


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (begin, False),
        (lambda run: run.append(ROWS[0]), True),
        (lambda run: conclude(run, "diverged"), True),
        (lambda run: run.model_path.mkdir(), True),
    ],
)
@pytest.mark.parametrize("error", [FnnError, KeyboardInterrupt])
def test_an_early_failure_leaves_nothing(
    tmp_path: Path, record: Callable[[RunFolder], None], kept: bool, error: type[BaseException]
) -> None:
    with pytest.raises(error), RunFolder.create(tmp_path / "a" / "b" / "c") as run:
        record(run)
        raise error("early")
    assert run.path.exists() == kept
    assert (tmp_path / "a").exists() == kept


def test_a_failure_takes_nothing_that_others_made(tmp_path: Path) -> None:
    for parent in (tmp_path, tmp_path / "runs"):
        with pytest.raises(FnnError), RunFolder.create(name="iris", parent=parent):
            other = RunFolder.create(name="iris", parent=parent)
            raise FnnError("early")
        assert [path.name for path in parent.glob("iris-*")] == [other.path.name]
    configure(other)
    with pytest.raises(FnnError), RunFolder.open(other.path):
        raise FnnError("while it is read")
    assert other.path.exists()


def test_a_full_disk_keeps_the_lines_before(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as run:
        run.append(ROWS[0])
        with little_room(100), pytest.raises(FnnError, match=r"metrics\.jsonl: file too large"):
            run.append(ROWS[1])
        configure(run)
        with little_room(100), pytest.raises(FnnError, match=r"config\.json: file too large"):
            configure(run, command=[])
        assert run.config["command"] == COMMAND
        assert run.history() == ROWS[:1]
        run.append(ROWS[1])
        assert run.history() == ROWS


def test_a_status_is_one_of_four(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as run, pytest.raises(FnnError, match="'finished'"):
        conclude(run, "finish")
    assert run.result is None


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path / "runs" / "iris-1")
    configure(run)
    for row in ROWS:
        run.append(row)
    return run


def test_a_torn_last_line_is_ignored_and_goes(run: RunFolder) -> None:
    path = run.path / "metrics.jsonl"
    with path.open("a") as file:
        file.write('{"epoch": 3, "lo')
    back = RunFolder.open(run.path)
    assert back.history() == ROWS
    back.append(ROWS[0])
    assert back.history() == [*ROWS, ROWS[0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"epoch": 1}\n{"epoch" 2}\n', "not JSON: Expecting ':' delimiter at line 2, column 10"),
        ("\n", "not JSON: Expecting value at line 1, column 1"),
        ('{"epoch": 1}\n[2]\n', "expected a JSON object in line 2, got [2]"),
    ],
)
def test_any_other_damaged_line_is_an_error(run: RunFolder, text: str, words: str) -> None:
    path = run.path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(FnnError) as caught:
        run.history()
    assert str(caught.value) == f"{path}: {words}"


def change(name: str, **changes: Any) -> Callable[[RunFolder], None]:
    def act(run: RunFolder) -> None:
        path = run.path / name
        found = json.loads(path.read_text()) | {"digest": None} | changes
        path.write_text(json.dumps({key: at for key, at in found.items() if at != "drop"}))

    return act


def empty(run: RunFolder) -> None:
    (run.path / "config.json").unlink()


def torn(run: RunFolder) -> None:
    (run.path / "config.json").write_text("{")


def misnumbered(run: RunFolder) -> None:
    (run.path / "result.json").unlink()
    (run.path / "metrics.jsonl").write_text('{"step": 1}\n')


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (empty, "is not the folder of a run: it has no config.json"),
        (torn, "not JSON: "),
        (change("config.json", format=3), "written by a newer fnn: its format is 3"),
        (change("config.json", data={}), "config.json: the entry 'data.name' is missing"),
        (change("config.json", started="noon"), "expected a date and time, got 'noon'"),
        (change("config.json", parameters="35"), "expected 'parameters' to be of type int"),
        (change("result.json", epochs="drop"), "result.json: the entry 'epochs' is missing"),
        (change("result.json", test=[1]), "expected 'test' to be of type dict | None, got [1]"),
        (change("result.json", metric="f1"), "the entry 'validation.f1' is missing"),
        (misnumbered, "metrics.jsonl: the entry 'epoch' is missing"),
    ],
)
def test_a_damaged_run_is_listed_as_damaged(
    run: RunFolder, damage: Callable[[RunFolder], None], words: str
) -> None:
    conclude(run)
    shutil.copytree(run.path, run.path.parent / "sound")
    damage(run)
    damaged, sound = list_runs(run.path.parent)
    assert sound.status == "finished"
    assert (damaged.name, damaged.status) == ("iris-1", "damaged")
    assert damaged.problem is not None
    assert damaged.problem.startswith(str(run.path))
    assert words in damaged.problem
    last = table([damaged, sound]).splitlines()[-1]
    assert last == f"iris-1 is damaged: {damaged.problem}"


def test_opening_something_else(tmp_path: Path) -> None:
    with pytest.raises(FnnError, match="none: does not exist"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(FnnError, match=r"not the folder of a run: it has no config\.json"):
        RunFolder.open(tmp_path)


def test_a_summary(run: RunFolder) -> None:
    begun = summarize(run.path)
    assert begun.started is not None
    expected = RunSummary(
        "iris-1", "running or killed", "iris", epochs=2, parameters=35, started=begun.started
    )
    assert begun == expected
    conclude(run, "stopped early", test=None, validation={"accuracy": math.nan})
    ended = summarize(run.path)
    assert ended.validation is not None
    assert math.isnan(ended.validation)
    assert (ended.status, ended.best, ended.metric, ended.test) == (
        "stopped early",
        1,
        "accuracy",
        None,
    )
    (run.path / "metrics.jsonl").unlink()
    (run.path / "result.json").unlink()
    assert summarize(run.path).epochs == 0


def test_where_no_runs_are(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == list_runs(tmp_path) == []
    assert table([]) == "no runs yet"
    (tmp_path / "file").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "other").mkdir()
    assert list_runs(tmp_path) == []
    with pytest.raises(FnnError, match="a part of this path is not a folder"):
        list_runs(tmp_path / "file")


NOON = datetime(2026, 1, 2, 12, 30)
PAST = [
    RunSummary(
        "digits-1", "finished", "digits", 100, 87, "accuracy", 0.98125, 0.9861, 17226, 3.94, NOON
    ),
    RunSummary(
        "housing-1", "diverged", "housing.csv", 3, None, "mae", 12345.5, None, 9, 12.0, NOON
    ),
    RunSummary("wine-1", "running or killed", "wine", 12, parameters=1000, started=NOON),
    RunSummary("wine-2", "damaged", problem="runs/wine-2: is torn"),
]
TABLE = """
name       data         status             epochs  best  metric    validation    test  parameters  seconds  started
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
housing-1  housing.csv  diverged                3        mae           12,346                   9     12.0  2026-01-02 12:30
wine-1     wine         running or killed      12                                           1,000           2026-01-02 12:30
digits-1   digits       finished              100    87  accuracy      0.9812  0.9861      17,226      3.9  2026-01-02 12:30
wine-2                  damaged
wine-2 is damaged: runs/wine-2: is torn
"""  # noqa: E501


def test_the_table_as_printed() -> None:
    assert table(PAST, "epochs") == TABLE.strip()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_table_sorts_by_any_column(column: str, reverse: bool) -> None:
    names = [line.split()[0] for line in table(PAST, column, reverse).splitlines()[2:-1]]
    values = {run.name: getattr(run, column) for run in PAST}
    known = [values[name] for name in names if values[name] is not None]
    assert sorted(names) == [run.name for run in PAST]
    assert known == sorted(known, reverse=reverse)
    assert all(values[name] is None for name in names[len(known) :])


def test_not_a_number_comes_last_in_the_table() -> None:
    runs = [RunSummary(str(value), "finished", test=value) for value in (math.nan, 0.5, 0.25)]
    for reverse, names in ((False, ["0.25", "0.5", "nan"]), (True, ["0.5", "0.25", "nan"])):
        lines = table(runs, "test", reverse).splitlines()[2:]
        assert [line.split()[0] for line in lines] == names


def test_an_unknown_column() -> None:
    with pytest.raises(FnnError, match=r"^no column 'tset'; did you mean 'test'\? \(known: best,"):
        table(PAST, "tset")
