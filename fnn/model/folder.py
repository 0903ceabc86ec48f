"""A model's folder: model.json says what it is, a safetensors file holds its arrays."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import jax

from fnn.data import Preprocessing
from fnn.data.json_fields import JsonObject
from fnn.files import explained, field, read_bytes, read_record, write_bytes, write_json
from fnn.layer import PyTree
from fnn.model.arrays import (
    check_described,
    check_shapes,
    declared,
    described,
    from_bytes,
    named_arrays,
    to_bytes,
)
from fnn.model.model import Model
from fnn.model.modules import check_kinds, modules_of
from fnn.model.shapes import shape_from_json, shape_to_json
from fnn.objective import Objective
from fnn.spec import FnnError, from_json, named_leaves, to_json

FORMAT = 1


def versions() -> dict[str, str]:
    """The versions of fnn, Python and the libraries that determine numerical results."""
    versions_by_name = {"fnn": sys.modules["fnn"].__version__, "python": platform.python_version()}
    libraries = ("jax", "jaxlib", "optax", "numpy", "safetensors")
    return versions_by_name | {name: metadata.version(name) for name in libraries}


def save(model: Model, folder: str | Path) -> None:
    """Save a model into a folder, created if it does not exist; nothing in it is pickled.

    `model.json` holds the spec, the input's shape, the preprocessing, versions, and the name and
    checksum of `model-….safetensors`, which holds `params` and `state` by their paths. An older
    model in the folder is replaced completely or not at all: `model.json` is written last, and
    names the new arrays in one step.

    Raises `FnnError` where the parameters are not of the objective's structure, and where the
    folder can't be written; then an older model is still intact.
    """
    folder = Path(folder)
    trees = {"params": model.params, "state": model.state}
    arrays = named_arrays(model.objective, model.in_shape, trees)
    data = to_bytes(arrays)
    digest = hashlib.sha256(data).hexdigest()
    weights = folder / f"model-{digest[:16]}.safetensors"
    objective = json.loads(to_json(model.objective))
    preprocessing = model.preprocessing
    record = {
        "format": FORMAT,
        "objective": objective,
        "in_shape": shape_to_json(model.in_shape),
        "preprocessing": None if preprocessing is None else preprocessing.to_json(),
        "arrays": described(arrays),
        "file": weights.name,
        "sha256": digest,
        "modules": modules_of(objective),
        "versions": versions(),
    }
    with _folder(folder), _removed_on_failure(weights):
        write_bytes(weights, data)
        write_json(folder / "model.json", record)
    for other in folder.glob("model-*.safetensors"):
        if other != weights:
            with contextlib.suppress(OSError):  # a leftover file only takes space
                other.unlink()


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


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    """Remove a new file where writing failed: `model.json` does not name it then.

    After an interrupt that is unknown, so the file stays; the next `save` removes it.
    """
    existed = path.exists()
    try:
        yield
    except FnnError:
        if not existed:
            path.unlink(missing_ok=True)
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
    weights = folder / _file_name(record, record_path)
    data = read_bytes(weights, None)
    if hashlib.sha256(data).hexdigest() != field(record, "sha256", str, record_path):
        raise FnnError("damaged, or not the arrays that model.json was written for", str(weights))
    arrays = from_bytes(data, weights)
    with _in_file(weights):
        check_shapes(named_leaves(expected), arrays)
        check_described(field(record, "arrays", dict, record_path), arrays)
    leaves = [jax.device_put(arrays[name]) for name in named_leaves(expected)]
    trees = jax.tree.unflatten(jax.tree.structure(expected), leaves)
    fitted = field(record, "preprocessing", dict | None, record_path)
    with _in_file(record_path, "preprocessing"):
        preprocessing = None if fitted is None else Preprocessing.from_json(fitted)
    return Model(objective, trees["params"], trees["state"], in_shape, preprocessing)


def is_float64(path: str | Path) -> bool:
    """Whether a model holds arrays of float64: `load` needs JAX's `jax_enable_x64` for them.

    Raises `FnnError` where `path` holds no model.
    """
    record_path = find(Path(path)) / "model.json"
    arrays = field(read_record(record_path, FORMAT), "arrays", dict, record_path)
    return any(str(kind).startswith("float64") for kind in arrays.values())


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


def _file_name(record: JsonObject, record_path: Path) -> str:
    name: str = field(record, "file", str, record_path)
    if name != Path(name).name:
        raise FnnError(f"expected the name of a file beside it, got {name!r}", str(record_path))
    return name


@contextmanager
def _in_file(path: Path, record_path: str = "") -> Iterator[None]:
    """An error raised inside names the file first."""
    try:
        yield
    except FnnError as error:
        if error.path == str(path):
            raise
        raise FnnError(": ".join(filter(None, (record_path, str(error)))), str(path)) from error
