"""A model comes back from its folder as it went in, or an error says what is wrong with it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.checkpoint import tensors, versions
from fnn.checkpoint.manifest import leaf_record
from fnn.data import DataError, from_arrays, prepare
from fnn.model import Model, arrays, load, save
from fnn.model import model as model_file
from fnn.model.shapes import shape_from_json, shape_to_json
from fnn.spec import FnnError
from tests.user_layers import TwoInputs

NET = fnn.Serial(fnn.Dense(4), fnn.BatchNorm(), fnn.Activation("tanh"), fnn.Dropout(0.25))
FLOATS = fnn.shape(3)
TWO = {"a": fnn.shape(3), "b": fnn.shape(3, dtype=jnp.int32)}


def filled(objective: fnn.Objective, in_shape: Any, dtype: Any = None, seed: int = 0) -> Model:
    """A model with random numbers for parameters; nothing is compiled for it."""
    draw = np.random.default_rng(seed).normal

    def fill(leaf: Any) -> Any:
        return jax.device_put(draw(size=leaf.shape).astype(dtype or leaf.dtype))

    trees = jax.tree.map(fill, arrays.declared(objective, in_shape))
    return Model(objective, trees["params"], trees["state"], in_shape)


def small(seed: int = 0) -> Model:
    return filled(fnn.Objective(fnn.Serial(fnn.Dense(2), NET), "squared_error"), FLOATS, seed=seed)


def same(one: Any, other: Any) -> bool:
    """Two pytrees of one structure, every leaf of one dtype and with the same bits."""
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in leaves
    )


MODELS = {
    "batch norm": lambda: small(),
    "bfloat16": lambda: filled(fnn.Objective(NET, "squared_error"), FLOATS, jnp.bfloat16),
    "float64": lambda: filled(
        fnn.Objective(NET, "huber", policy=fnn.Policy("float64")), fnn.shape(3, dtype=jnp.float64)
    ),
    "repeated": lambda: filled(
        fnn.Objective(fnn.Residual(fnn.Repeat(fnn.Dense(3), 2)), "cross_entropy"), FLOATS
    ),
    "whole numbers": lambda: filled(
        fnn.Objective(fnn.Embedding(5, 2), "cross_entropy"), fnn.shape(4, dtype=jnp.int32)
    ),
    "two inputs": lambda: filled(fnn.Objective(TwoInputs(2), "cross_entropy"), TWO),
    "no parameters": lambda: filled(
        fnn.Objective(fnn.Serial(fnn.Flatten(2), fnn.Softmax()), "squared_error"), fnn.shape(2, 2)
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(tmp_path: Path, name: str) -> None:
    model = MODELS[name]()
    save(model, tmp_path / "runs" / "model")
    for path in (tmp_path / "runs" / "model", tmp_path / "runs"):
        back = load(str(path))
        assert back.objective == model.objective
        assert jax.tree.structure(back.objective) == jax.tree.structure(model.objective)
        assert same((back.params, back.state), (model.params, model.state))
        assert back.in_shape == model.in_shape
        assert back.preprocessing is None
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(back.params))


@pytest.mark.parametrize(
    "in_shape", [(FLOATS, [fnn.shape(1, 2), {"b": fnn.shape(dtype=jnp.bfloat16)}]), []]
)
def test_nested_input_shapes_come_back(in_shape: Any) -> None:
    assert shape_from_json(json.loads(json.dumps(shape_to_json(in_shape)))) == in_shape
    with pytest.raises(FnnError, match="JSON can't hold an input of type Batch"):
        shape_to_json(fnn.Batch(*2 * [FLOATS]))


def test_what_the_folder_holds(tmp_path: Path) -> None:
    save(MODELS["two inputs"](), tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == [record["file"], "model.json"]
    assert list(record["leaves"]) == ["params.weight"]
    assert record["leaves"]["params.weight"].startswith("float32[3, 2] ")
    assert record["modules"] == {"test_two_inputs.v1": "tests.user_layers"}
    assert record["versions"] == versions()
    assert record["versions"]["fnn"] == fnn.__version__


def test_loading_compiles_nothing_and_applying_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An equal spec uses the program that is there; another number too."""
    model, x = small(), np.arange(6.0).reshape(2, 3).astype(np.float32)
    save(model, tmp_path)
    with jax.log_compiles():
        back = load(tmp_path)
        assert not [record for record in caplog.records if "XLA" in record.message]
        first = model.apply(x)
        assert [record for record in caplog.records if "XLA" in record.message]
    caplog.clear()
    with jax.log_compiles():
        assert same(back.apply(x), first)
    other = fnn.with_numbers(back.objective, {"rate": 0.5})
    with jax.log_compiles():
        assert same(Model(other, back.params, back.state, FLOATS).apply(x), first)
    assert not [record for record in caplog.records if "XLA" in record.message]
    wanted = jax.jit(back.objective.predict)(back.params, back.state, x)
    np.testing.assert_allclose(first, wanted, rtol=1e-6)


@pytest.mark.parametrize("target", ["binary", "classes", "regression"])
def test_raw_inputs_in_answers_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A loaded model predicts what the one saved does, in chunks as in one piece."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(3.0, 2.0, (40, 3))
    targets = {
        "binary": np.array(["no", "yes"])[np.arange(40) % 2],
        "classes": np.array(["a", "b", "c"])[np.arange(40) % 3],
        "regression": draw.normal(100.0, 20.0, 40),
    }
    prepared = prepare(from_arrays(inputs, targets[target], name="drawn"))
    fitted = prepared.preprocessing
    assert fitted.task == target
    objective = fnn.Objective(fnn.Dense(fitted.outputs), "squared_error")
    bare = filled(objective, fnn.shape(*fitted.in_shape))
    model = Model(bare.objective, bare.params, bare.state, bare.in_shape, fitted)
    save(model, tmp_path)
    monkeypatch.setattr(model_file, "CHUNK", 16)
    back = load(tmp_path)
    weight, bias = (np.asarray(bare.params[name]) for name in ("weight", "bias"))
    whole = fitted.encode(inputs) @ weight + bias
    answers = back.predict(inputs)
    if target == "regression":
        np.testing.assert_allclose(answers, fitted.decode(whole), rtol=1e-5)
        with pytest.raises(DataError, match="no probabilities"):
            back.probabilities(inputs)
    else:
        assert answers.tolist() == fitted.decode(whole).tolist()
        shares = back.probabilities(inputs)
        np.testing.assert_allclose(shares, fitted.probabilities(whole), rtol=1e-5)
        assert shares.shape == (40, len(set(targets[target])))
    assert back.predict(inputs[:0]).shape == (0,)
    with pytest.raises(DataError):
        back.predict(inputs[:, :2])


def test_without_preprocessing_there_is_apply_alone() -> None:
    for call in (small().predict, small().probabilities):
        with pytest.raises(FnnError, match="kept without preprocessing"):
            call(np.ones((1, 3)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda params: {"layers": params["layers"][:1]}, "missing: params.layers[1].layers[0]"),
        (lambda params: params | {"more": jnp.ones(1)}, "not of this network: params.more"),
        (
            lambda params: jax.tree.map(lambda leaf: leaf[..., :1], params),
            "params.layers[0].bias: expected the shape (2,), got (1,)",
        ),
        (
            lambda params: jax.tree.map(lambda leaf: leaf.astype(jnp.float8_e4m3fn), params),
            "params.layers[0].bias: a safetensors file can't hold an array of float8_e4m3fn",
        ),
    ],
)
def test_parameters_of_something_else_are_not_saved(
    tmp_path: Path, change: Callable[[Any], Any], words: str
) -> None:
    model = small()
    other = Model(model.objective, change(model.params), model.state, model.in_shape)
    with pytest.raises(FnnError, match=re.escape(words)):
        save(other, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("moment", [1, 2])
@pytest.mark.parametrize("before", [False, True])
def test_a_full_disk_leaves_the_model_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, before: bool
) -> None:
    folder, old = tmp_path / "model", small(seed=1)
    if before:
        save(old, folder)
    calls, replace = [], os.replace

    def full(*paths: Any) -> None:
        calls.append(paths)
        if len(calls) == moment:
            raise OSError(errno.ENOSPC, "")
        replace(*paths)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FnnError, match="no space left on device"):
        save(small(seed=2), folder)
    assert folder.exists() == before
    if before:
        assert same(load(folder).params, old.params)
        assert len(list(folder.iterdir())) == 2


def test_a_kill_at_any_moment_leaves_a_whole_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is looked at before and after each change of it."""
    folder, old, new = tmp_path / "model", small(seed=1), small(seed=2)
    save(old, folder)
    found, replace, unlink = [], os.replace, Path.unlink

    def watched(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> None:
            for act in (lambda: None, lambda: change(*arguments, **options)):
                act()
                shutil.copytree(folder, tmp_path / "copy")
                found.append(load(tmp_path / "copy").params)
                shutil.rmtree(tmp_path / "copy")

        return call

    monkeypatch.setattr(os, "replace", watched(replace))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: watched(unlink)(*_, **__))
    save(new, folder)
    monkeypatch.undo()
    assert [same(params, new.params) for params in found] == 3 * [False] + 3 * [True]
    assert all(same(params, old.params) for params in found[:3])
    assert same(load(folder).params, new.params)
    assert len(list(folder.iterdir())) == 2
    save(new, folder)
    assert same(load(folder).params, new.params)


@pytest.mark.parametrize("moment", [1, 2])
def test_an_interrupt_leaves_a_whole_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Ctrl-C right after a file took its place: the model is the old one until both have."""
    old, new, calls, replace = small(seed=1), small(seed=2), [], os.replace
    save(old, tmp_path)

    def interrupted(*paths: Any) -> None:
        replace(*paths)
        calls.append(paths)
        if len(calls) == moment:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(new, tmp_path)
    assert same(load(tmp_path).params, (old if moment == 1 else new).params)
    monkeypatch.undo()
    save(new, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def edit(**changes: Any) -> Callable[[Path, Path], Path]:
    def act(folder: Path, weights: Path) -> Path:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"digest": None} | changes))
        return path

    return act


def swap(old: str, new: str) -> Callable[[Path, Path], Path]:
    def act(folder: Path, weights: Path) -> Path:
        path = folder / "model.json"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        edit()(folder, weights)
        return path

    return act


def foreign(change: Callable[[bytes], bytes]) -> Callable[[Path, Path], Path]:
    """Other arrays, with a checksum that fits them, and a manifest that knows them."""

    def act(folder: Path, weights: Path) -> Path:
        weights.write_bytes(change(weights.read_bytes()))
        changes = {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
        with contextlib.suppress(FnnError):
            found = tensors.from_bytes(weights.read_bytes(), weights)
            changes["leaves"] = {name: leaf_record(leaf) for name, leaf in found.items()}
        edit(**changes)(folder, weights)
        return weights

    return act


def with_arrays(**more: Any) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        found = tensors.from_bytes(data, "") | more
        return tensors.to_bytes({name: leaf for name, leaf in found.items() if leaf is not None})

    return change


def truncated(folder: Path, weights: Path) -> Path:
    weights.write_bytes(weights.read_bytes()[:-4])
    return weights


def removed(folder: Path, weights: Path) -> Path:
    weights.unlink()
    return weights


def emptied(folder: Path, weights: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder


def gone(folder: Path, weights: Path) -> Path:
    shutil.rmtree(folder)
    return folder


def cut(folder: Path, weights: Path) -> Path:
    path = folder / "model.json"
    path.write_text(path.read_text()[:40])
    return path


BIAS = "params.layers[0].bias"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (gone, "does not exist"),
        (emptied, "no model is here"),
        (cut, "not JSON: "),
        (edit(format=3), "written by a newer fnn: its format is 3"),
        (edit(objective=[1]), "expected 'objective' to be of type dict, got [1]"),
        (edit(objective={}), "objective: expected an object with a kind"),
        (edit(objective={"kind": "relu.v1"}), "objective: expected an objective, got ReLU()"),
        (swap("tanh.v1", "tanh.v7"), "unknown version 'tanh.v7': this fnn reads tanh.v1"),
        (swap("tanh.v1", "odd.v1"), "a 'odd.v1', which nothing declares so far: import the module"),
        (swap('"rate": 0.25', '"rate": 2'), "objective: net.layers[1].layers[3].rate: expected"),
        (edit(in_shape={"shape": [-1], "dtype": "float32"}), "in_shape: expected the shape of"),
        (edit(in_shape={"shape": [3], "dtype": "real"}), "in_shape: unknown dtype 'real'"),
        (edit(in_shape={"shape": [3], "dtype": "int32"}), "in_shape: net.layers[0]: "),
        (edit(preprocessing=1), "expected 'preprocessing' to be of type dict | None, got 1"),
        (edit(preprocessing={"kind": "no.v1"}), "preprocessing: "),
        (edit(file="../model.json"), "expected the name of a file beside it, got '../model.json'"),
        (removed, "does not exist"),
        (truncated, "damaged, or not the arrays that model.json was written for"),
        (foreign(lambda data: data[:-4]), "not a safetensors file, or a damaged one: "),
        (foreign(lambda data: b""), "not a safetensors file, or a damaged one: "),
        (foreign(with_arrays(**{BIAS: None})), f"missing: {BIAS}"),
        (foreign(with_arrays(**{"params.odd": np.ones(1)})), "not of this network: params.odd"),
        (foreign(with_arrays(**{BIAS: np.ones(3)})), f"{BIAS}: expected the shape (2,), got (3,)"),
        (
            foreign(with_arrays(**{BIAS: np.ones(2, jnp.float8_e5m2)})),
            f"{BIAS} is of F8_E5M2 (known: ",
        ),
    ],
)
def test_a_damaged_folder(tmp_path: Path, damage: Callable[[Path, Path], Path], words: str) -> None:
    folder = tmp_path / "model"
    save(small(), folder)
    place = damage(folder, next(folder.glob("model-*")))
    with pytest.raises(FnnError) as caught:
        load(folder)
    assert str(caught.value).startswith(str(place))
    assert words in str(caught.value)


def test_the_module_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    save(MODELS["two inputs"](), tmp_path)
    swap("test_two_inputs.v1", "no_such.v1")(tmp_path, tmp_path)
    with pytest.raises(FnnError, match=r"a 'no_such\.v1'.*: import tests\.user_layers first"):
        load(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    with pytest.raises(FnnError, match=r"file: exists already"):
        save(small(), path)
    assert path.read_text() == "text"
    with pytest.raises(FnnError, match="file: no model is here"):
        load(path)


def test_float64_needs_x64(tmp_path: Path) -> None:
    save(MODELS["float64"](), tmp_path)
    with (
        jax.enable_x64(False),
        pytest.raises(FnnError, match=r"policy\.compute: float64 needs jax"),
    ):
        load(tmp_path)
    save(MODELS["whole numbers"](), tmp_path)
    with jax.enable_x64(False), pytest.raises(FnnError, match=r"params\.weight is float64, which"):
        load(tmp_path)
