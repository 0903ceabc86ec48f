"""Whatever a file or a command line holds, it is read, or refused with an error for people."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fnn
from fnn.cli.options.config_file import read_options
from fnn.data import load as load_data
from fnn.data.sources.idx import read_idx
from fnn.data.sources.memory_mapped import read_array
from fnn.data.sources.whole_files import read_arrays
from fnn.files import read_record
from fnn.model import Model, load, save
from fnn.runs import RunFolder, list_runs
from fnn.spec import FnnError, from_json, to_json
from tests.processes import run_here


def budget(examples: int) -> settings:
    """The same examples each time, and no more of them."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=checks,
    )


@contextlib.contextmanager
def for_people() -> Iterator[None]:
    """Inside, nothing is raised but `FnnError`, and its message is one that can be printed."""
    try:
        yield
    except FnnError as error:
        assert str(error).strip()
        str(error).encode("utf-8", "backslashreplace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


words = st.text(max_size=6) | st.sampled_from(["\0", "\ud800", "１２", "1_0", "=1", "nan"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words | st.just(10**4299)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def edited(draw: st.DrawFn, record: object) -> object:
    """A record in which one place holds something else, or is missing."""
    copy = json.loads(json.dumps(record))
    place = copy
    while True:
        if not isinstance(place, dict | list) or not place:
            return draw(values)
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
            place = place[key]
            continue
        if draw(st.integers(0, 5)):
            place[key] = draw(values)
        else:
            del place[key]
        return copy


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes of which some are others, or that end early."""
    flipped = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        flipped[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(flipped[: draw(st.just(len(data)) | st.integers(0, len(data)))])


def as_text(value: object) -> bytes:
    return json.dumps(value).encode()


OBJECTIVE = fnn.Objective(
    fnn.Serial(fnn.Dense(2), fnn.Dropout(0.5), fnn.Activation("tanh")), "squared_error"
)
SPEC = json.loads(to_json(OBJECTIVE))
CONFIG = {
    "format": 1,
    "options": {
        "data": "iris",
        "save": False,
        "network": {"hidden": [4], "dropout": None},
        "training": {"epochs": 3, "batch_size": "full", "learning_rate": 0.1},
        "split": {"split": [60, 20, 20]},
    },
    "data": {"name": "iris"},
    "parameters": 5,
    "started": "2026-01-01T00:00:00+00:00",
}
RESULT = {
    "format": 1,
    "status": "finished",
    "epochs": 3,
    "best_epoch": 2,
    "metric": "loss",
    "validation": {"loss": 1.0},
    "test": None,
    "seconds": "NaN",
}


@budget(150)
@given(edited(CONFIG).map(as_text) | values.map(as_text) | damaged(as_text(CONFIG)))
def test_config_json(folder: Path, data: bytes) -> None:
    from fnn.cli.commands.train import TrainCommand

    path = folder / "config.json"
    path.write_bytes(data)
    with for_people():
        read_record(path, 1)
    with for_people():
        read_options(TrainCommand, path)


@budget(100)
@given(edited(RESULT).map(as_text) | damaged(as_text(RESULT)), damaged(b'{"epoch": 1}\n'))
def test_runs_of_a_folder(folder: Path, result: bytes, metrics: bytes) -> None:
    run = folder / "runs" / "run-1"
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.json").write_bytes(as_text(CONFIG))
    (run / "result.json").write_bytes(result)
    (run / "metrics.jsonl").write_bytes(metrics)
    assert len(list_runs(folder / "runs")) == 1  # damaged ones are listed as damaged
    with for_people():
        RunFolder(run).history()
    with contextlib.redirect_stdout(io.StringIO()):
        assert run_here(["runs", str(folder / "runs")]) == 0


@budget(200)
@given(edited(SPEC).map(json.dumps) | values.map(json.dumps) | st.text(max_size=40))
def test_specs(text: str) -> None:
    with for_people():
        from_json(text)


CSV = "a,b,y\n1,2.5,x\n3,?,z\n-4,1e3,x\n7,inf,z\n"
fields = st.lists(st.lists(words, min_size=1, max_size=4), max_size=6)


def rows_text(rows: list[list[str]]) -> bytes:
    return "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")


@budget(150)
@given(damaged(CSV.encode()) | fields.map(rows_text), st.booleans(), st.booleans())
def test_csv(folder: Path, data: bytes, header: bool, packed: bool) -> None:
    path = folder / "rows.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    with for_people():
        load_data(path, target="y" if header else -1, header=header)


IDX = b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 3) + bytes(range(12))


@budget(150)
@given(damaged(IDX) | damaged(gzip.compress(IDX)) | st.binary(max_size=30))
def test_idx(folder: Path, data: bytes) -> None:
    path = folder / "images"
    path.write_bytes(data)
    with for_people():
        read_idx(path, (None, 2, 3))


def npz(compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, array in (("x", np.ones((4, 2))), ("y", np.arange(4))):
            file.writestr(f"{name}.npy", npy(array))
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_header(header: str) -> bytes:
    text = header.encode("latin-1", "replace")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(64)


@budget(400)
@given(
    damaged(npz(zipfile.ZIP_STORED))
    | damaged(npz(zipfile.ZIP_DEFLATED))
    | damaged(npy(np.ones((2, 2))))
    | st.builds(
        "{{'descr': {}, 'fortran_order': False, 'shape': {}}}\n".format,
        st.sampled_from(["'<f8'", "'<f,'", "','", "'O'", "[", "'<i99'", "('<f8', (9,)*9)"])
        | words.map(repr),
        st.sampled_from(["(2,)", "(10**9,)", "(-1,)", "(99999999999, 99999999999)", "(True,)"]),
    ).map(with_header)
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_npz(folder: Path, data: bytes) -> None:
    path = folder / "arrays.npz"
    path.write_bytes(data)
    with for_people():
        read_arrays(path)
    for mode in (None, "r"):
        with for_people():
            read_array(path, mode)


@pytest.fixture(scope="module")
def model(folder: Path) -> dict[Path, bytes]:
    """The files of a model's folder."""
    in_shape = fnn.shape(3)
    params, state = OBJECTIVE.init(jax.random.key(0), in_shape)
    save(Model(OBJECTIVE, params, state, in_shape), folder / "model")
    return {path: path.read_bytes() for path in (folder / "model").iterdir()}


@budget(120)
@given(st.data())
def test_model_folders(model: dict[Path, bytes], data: st.DataObject) -> None:
    """A changed byte of the arrays is always refused; a changed record is read or refused."""
    path = data.draw(st.sampled_from(sorted(model)))
    before = model[path]
    change = damaged(before)
    if path.suffix == ".json":
        change |= edited(json.loads(before)).map(as_text)
    after = data.draw(change)
    path.write_bytes(after)
    try:
        with for_people():
            load(path.parent)
            assert path.suffix == ".json" or after == before
    finally:
        path.write_bytes(before)


OPTIONS = ("--epochs", "--hidden", "--batch-size", "--learning-rate", "--split", "--optimizer")
OPTIONS += ("--dropout", "--activation", "--import", "--over", "--config", "--device", "--target")
typed = words.filter(lambda word: "\0" not in word) | st.sampled_from(
    ["9" * 5000, "-1", "1e999", "4", "relu", "seed=9:1", "width=1:2:9", "None", "--", "/dev/zero"]
)


@budget(40)
@given(
    st.sampled_from(["train", "summary", "runs", "predict", "evaluate", "sweep", "nothing"]),
    st.lists(typed | st.sampled_from(OPTIONS), max_size=5),
)
def test_command_lines(folder: Path, command: str, arguments: list[str]) -> None:
    """What no sound command line is: status 2, as tyro's own errors have it, and no traceback."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            status = run_here([command, str(folder / "no such place"), *arguments])
        except SystemExit as error:
            status = error.code
    assert "Traceback" not in output.getvalue()
    assert status == 2 or "--help" in arguments or "-h" in arguments
