"""A model's folder: model.json says what it is, a safetensors file holds its arrays."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fnn.checkpoint.environment import versions
from fnn.checkpoint.leaves import from_arrays
from fnn.checkpoint.manifest import read_tensors, write
from fnn.checkpoint.tensors import check_dtypes
from fnn.data import Preprocessing
from fnn.data.json_fields import JsonObject
from fnn.files import explained, field, read_record
from fnn.layer import PyTree
from fnn.model.arrays import declared, named_arrays
from fnn.model.model import Model
from fnn.model.modules import check_kinds, modules_of
from fnn.model.shapes import shape_from_json, shape_to_json
from fnn.objective import Objective
from fnn.spec import FnnError, from_json, to_json

FORMAT = 2
"""1 had no digest of model.json itself, and of arrays their shapes alone"""


def save(model: Model, folder: str | Path) -> None:
    """Save a model into a folder, created if it does not exist; nothing in it is pickled.

    It is a checkpoint (`fnn.checkpoint.manifest`): `model.json`, the manifest, holds the spec, the
    input's shape, the preprocessing and versions, and names `model-….safetensors`, which holds
    `params` and `state` by their paths. An older model in the folder is replaced completely or not
    at all.

    Raises `FnnError` where the parameters are not of the objective's structure, and where the
    folder can't be written; then an older model is still intact.
    """
    folder = Path(folder)
    trees = {"params": model.params, "state": model.state}
    arrays = named_arrays(model.objective, model.in_shape, trees)
    objective = json.loads(to_json(model.objective))
    preprocessing = model.preprocessing
    record = {
        "objective": objective,
        "in_shape": shape_to_json(model.in_shape),
        "preprocessing": None if preprocessing is None else preprocessing.to_json(),
        "modules": modules_of(objective),
        "versions": versions(),
    }
    with _folder(folder):
        write(folder / "model.json", arrays, record)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Create the folder if it does not exist; remove it again if nothing was written into it."""
    existed = folder.exists()
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not existed:
            with contextlib.suppress(OSError):  # report the first error
                folder.rmdir()
        raise


def load(path: str | Path) -> Model:
    """The model in a folder, or in the `model` folder of a run's folder. Nothing is compiled.

    User-defined layers must have been declared: import their module first. Raises `FnnError` with
    the file for a folder without a model, damaged or foreign files, kinds that are not known, and
    arrays that are not those of the spec.
    """
    folder = find(Path(path))
    record_path = folder / "model.json"
    record = read_record(record_path, FORMAT)
    objective, expected, in_shape = _objective(record, record_path)
    arrays = read_tensors(record_path, record)
    tensors = folder / record["file"]
    check_dtypes(arrays, tensors)
    with _in_file(tensors):
        trees = from_arrays(arrays, expected, any_precision=True)
    fitted = field(record, "preprocessing", dict | None, record_path)
    with _in_file(record_path, "preprocessing"):
        preprocessing = None if fitted is None else Preprocessing.from_json(fitted)
    return Model(objective, trees["params"], trees["state"], in_shape, preprocessing)


def is_float64(path: str | Path) -> bool:
    """Whether a model holds arrays of float64: `load` needs JAX's `jax_enable_x64` for them.

    Raises `FnnError` where `path` holds no model.
    """
    record_path = find(Path(path)) / "model.json"
    record = read_record(record_path, FORMAT)
    leaves = field(record, "leaves" if record["format"] > 1 else "arrays", dict, record_path)
    return any(str(kind).startswith("float64") for kind in leaves.values())


def find(path: Path) -> Path:
    """The folder with model.json: the path itself, or `model` in it."""
    with explained(path):
        if not path.exists():
            raise FnnError("does not exist", str(path))
        for folder in (path, path / "model"):
            if (folder / "model.json").is_file():
                return folder
    raise FnnError("no model is here: expected a folder with model.json or with model", str(path))


def _objective(
    record: JsonObject, record_path: Path
) -> tuple[Objective, dict[str, PyTree], PyTree]:
    """The spec, the shapes of its parameters and state, and the shape of its input."""
    data = field(record, "objective", dict, record_path)
    check_kinds(data, record.get("modules"), record_path)
    with _in_file(record_path, "objective"):
        objective = from_json(json.dumps(data))
        if not isinstance(objective, Objective):
            raise FnnError(f"expected an objective, got {objective}")
    with _in_file(record_path, "in_shape"):
        in_shape = shape_from_json(field(record, "in_shape", dict, record_path))
        return objective, declared(objective, in_shape), in_shape


@contextmanager
def _in_file(path: Path, record_path: str = "") -> Iterator[None]:
    """An error raised inside names the file first."""
    try:
        yield
    except FnnError as error:
        if error.path == str(path):
            raise
        raise FnnError(": ".join(filter(None, (record_path, str(error)))), str(path)) from error
