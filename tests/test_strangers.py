"""Files from elsewhere that ended in a traceback, never, or in a wrong value: one of each kind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import struct
import sys
import zipfile
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

import fnn
from fnn.cli.output.predictions import _csv
from fnn.data import DataError
from fnn.data import load as load_data
from fnn.data.sources import whole_files
from fnn.data.sources.idx import read_idx
from fnn.data.sources.whole_files import read_arrays
from fnn.data.tables.csv_reader import is_number
from fnn.files import exclusive_lock, json_text, read_bytes, read_json, read_record
from fnn.model import Model, load, save
from fnn.runs import list_runs
from fnn.spec import FnnError, from_json
from tests.processes import run_here
from tests.test_fuzzing import CONFIG, OBJECTIVE


def refused(call, *arguments) -> str:
    with pytest.raises(FnnError) as caught:
        call(*arguments)
    return str(caught.value)


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize("number", [0, -1, True, "1", None])
def test_a_format_is_a_whole_number_from_1(tmp_path: Path, number: object) -> None:
    path = written(tmp_path / "a.json", json.dumps({"format": number}))
    assert "format" in refused(read_record, path, 1)


def test_json_within_limits(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", f'{{"a": {"9" * 5000}}}')
    assert "more than 4,300 digits" in refused(read_json, path)
    nested = '{"kind": "serial.v1", "layers": [' * 400 + "]}" * 400
    assert "nested too deeply" in refused(from_json, nested)
    assert read_json(written(path, "[" * 100 + "]" * 100))
    assert "nested too deeply" in refused(read_json, written(path, "[" * 101 + "]" * 101))


def test_names_that_no_file_has() -> None:
    assert refused(read_bytes, "a\0b") == r"'a\x00b': no file's name holds a NUL"
    assert "half of a surrogate pair" in refused(read_bytes, "a\ud800")
    assert json.loads(json_text({"a": "\udcff"})) == {"a": "\udcff"}  # a name that is not UTF-8
    json_text("\udcff").encode()


def test_what_need_not_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (Path("/dev/zero"), tmp_path / "pipe.csv"):
        for read in (read_bytes, read_arrays, lambda path: read_idx(path, (None,))):
            assert "is a device or a pipe" in refused(read, path)
    assert "is a device or a pipe" in refused(load_data, tmp_path / "pipe.csv")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2**29)  # takes no room
    assert "larger than 256 MiB" in refused(read_json, large)


def test_what_expands_beyond_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_files, "EXPANDED", 1000)
    bomb = written(tmp_path / "a.csv.gz", gzip.compress(bytes(10**6)))
    assert "expand to more than" in refused(load_data, bomb)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**6))
    assert "expand to more than" in refused(read_arrays, tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros(10**6))
    assert read_arrays(tmp_path / "b.npz")["x"].shape == (10**6,)


def test_archives_that_zipfile_cannot_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.ones(3))
    data = bytearray(buffer.getvalue())
    central = data.index(b"PK\1\2")
    for offset, value in ((8, 1), (10, 77)):  # encrypted; an unknown compression
        changed = bytearray(data)
        struct.pack_into("<H", changed, central + offset, value)
        struct.pack_into("<H", changed, offset - 2, value)
        path = written(tmp_path / "a.npz", bytes(changed))
        assert "no arrays of numbers can be read" in refused(read_arrays, path)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        header = b"{'descr': '<f8,', 'fortran_order': False, 'shape': (1,)"
        file.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
    assert "no arrays of numbers can be read" in refused(read_arrays, tmp_path / "b.npz")


@pytest.mark.parametrize("dtype", [bool, "int32", "float16", "float64"])
def test_arrays_have_the_dtypes_of_the_record(tmp_path: Path, dtype: str) -> None:
    in_shape = fnn.shape(3, dtype="float32")
    params, state = OBJECTIVE.init(jax.random.key(0), in_shape)
    params = jax.tree.map(lambda leaf: leaf.astype("float32"), params)
    save(Model(OBJECTIVE, params, state, in_shape), tmp_path)
    weights = next(tmp_path.glob("*.safetensors"))
    name = "params.layers[0].weight"
    arrays = safetensors.numpy.load_file(weights)
    assert load(tmp_path) and arrays[name].dtype == np.float32
    arrays[name] = arrays[name].astype(dtype)
    data = safetensors.numpy.save(arrays)
    written(weights, data)
    record = json.loads((tmp_path / "model.json").read_text())
    record |= {"sha256": hashlib.sha256(data).hexdigest(), "digest": None}
    written(tmp_path / "model.json", json.dumps(record))
    message = refused(load, tmp_path)
    assert f"{name}: expected float32" in message and np.dtype(dtype).name in message


@pytest.mark.parametrize(
    ("group", "name", "value", "words"),
    [
        ("training", "epochs", "3", "expected a whole number or none, got 3"),
        ("training", "epochs", True, "expected a whole number or none, got yes"),
        ("training", "batch_size", [3], "expected a whole number or full or none, got (3,)"),
        ("training", "gradient", ["manual"], "expected automatic or manual"),
        ("training", "learning_rate", "0.1", "expected a number or none, got 0.1"),
        ("network", "hidden", [4.5], "expected whole numbers"),
        ("network", "hidden", "44", "expected whole numbers"),
        ("split", "split", [60, 40], "expected 3 numbers"),
        ("file", "drop", [1], "expected names"),
    ],
)
def test_options_of_config_json_have_their_types(
    tmp_path: Path, capsys, group: str, name: str, value: object, words: str
) -> None:
    record = json.loads(json.dumps(CONFIG))
    record["options"].setdefault(group, {})[name] = value
    path = written(tmp_path / "config.json", json.dumps(record))
    assert run_here(["train", "--config", str(path)]) == 2
    assert f"{path}: options.{group}.{name}: {words}" in capsys.readouterr().err


def test_digits_of_other_scripts_are_no_numbers(tmp_path: Path) -> None:
    assert [*map(is_number, ["12", "１２", "٣", "1_0", "-inf", " 1e3 "])] == [1, 0, 0, 0, 1, 1]
    text = "a,y\n" + "1,u\n2,v\n" * 20 + "１２,u\n"
    path = written(tmp_path / "a.csv", text)
    with pytest.raises(DataError, match="line 42: expected a number as in the other rows"):
        load_data(path, target="y")
    written(path, "a,y\n１２,u\n１３,v\n")
    with pytest.raises(DataError, match=r"'１２' looks like a number with .*another script"):
        load_data(path, target="y")


@pytest.mark.parametrize("word", ["１２", "1_2"])
def test_options_take_ascii_digits_alone(capsys, word: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_here(["summary", word, "3"])
    assert run_here(["summary", "12", "3", "--hidden"]) == 0
    assert " 39 " in capsys.readouterr().out  # 12 * 3 + 3 parameters


def test_cells_that_a_spreadsheet_would_run() -> None:
    cells = np.array([["=1+1"], ["-1"], ["-x"], ["good"], ["\tx"]])
    assert _csv(["@y"], [cells], False) == ("@y\n=1+1\n-1\n-x\ngood\n\tx\n", 4)
    assert _csv(["@y"], [cells], True) == ("'@y\n'=1+1\n-1\n'-x\ngood\n'\tx\n", 4)


def test_links_upwards_are_no_runs(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "run-1"):
        folder.mkdir(exist_ok=True)
        written(folder / "config.json", json.dumps(CONFIG))
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "linked").symlink_to("run-1")
    assert [run.name for run in list_runs(tmp_path)] == ["linked", "run-1"]


def test_a_lock_leaves_no_journal(tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "sweep.json", "busy"):
        assert [path.name for path in tmp_path.iterdir()] == [".sweep.json.lock"]
        with pytest.raises(FnnError, match="busy"), exclusive_lock(tmp_path / "sweep.json", "busy"):
            pass


def test_modules_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    written(tmp_path / "strange_layers.py", "raise TypeError('odd')\n")
    for words, message in (
        ("no_such_module", "--import no_such_module: no module 'no_such_module', neither in"),
        ("strange_layers.py", "expected the name of a module, such as strange_layers"),
        ("strange_layers", "TypeError: odd ("),
    ):
        assert run_here(["summary", "3", "2", "--import", words]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("module", ["own_layers", "__main__"])
def test_the_message_says_where_a_layer_of_ones_own_is(tmp_path: Path, module: str) -> None:
    from fnn.model.modules import check_kinds

    message = refused(
        check_kinds, {"kind": "strangers_own.v1"}, {"strangers_own.v1": module}, tmp_path
    )
    if module == "__main__":
        assert "defined in __main__" in message and "move its class into a module" in message
    else:
        assert "import own_layers first (--import own_layers on the command line)" in message
