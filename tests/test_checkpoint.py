"""A checkpoint gives back the bits that went in, or says which file and leaf is not whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn.checkpoint import environment, from_arrays, newest, read, to_arrays, write, write_next
from fnn.checkpoint.environment import differences
from fnn.optimizers import SGD
from fnn.spec import FnnError
from fnn.training import LastEpochs, Selection, init_state

FREE: dict[str, Any] = {
    "momentum": jnp.asarray(0.5),
    "moments": [jnp.full((2, 3), 0.1), jnp.ones(2, "f4"), jnp.zeros((0, 3))],
    "count": jnp.asarray(3),
}
"""a user's own optimizer state: leaves made of Python's numbers alone are weakly typed"""


def own_transformation() -> optax.GradientTransformation:
    def update(updates: Any, state: Any, params: Any = None) -> Any:
        return jax.tree.map(lambda update: -state["momentum"] * update, updates), state

    return optax.GradientTransformation(lambda params: FREE, update)


def states(precision: str) -> dict[str, Any]:
    """Run states with everything that one can hold, and shapes of theirs."""
    net = fnn.Serial(fnn.Dense(4), fnn.BatchNorm(), fnn.Dropout(0.25), fnn.Dense(3))
    objective = fnn.Objective(net, "cross_entropy", policy=fnn.Policy(precision))
    selection = Selection("loss", patience=3)
    kinds: dict[str, fnn.Run] = {
        "adam": fnn.Run(objective, "adam", 8, selection=selection, monitor=True),
        "averaged": fnn.Run(objective, SGD(0.1, momentum=0.9), 8, averaging=LastEpochs(2)),
        "own": fnn.Run(objective, optax.chain(own_transformation(), optax.adam(1e-3)), 8),
    }
    dtype = jnp.float64 if precision == "float64" else jnp.float32
    example = fnn.shape(5, dtype=dtype)

    def init(run: fnn.Run) -> Callable[[], Any]:
        return jax.jit(lambda: init_state(run, example, seed=3, order_seed=4))

    return {name: init(run) for name, run in kinds.items()}


def bits(leaf: Any) -> bytes:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_a_run_state_comes_back_bit_for_bit(tmp_path: Path, precision: str) -> None:
    for name, init in states(precision).items():
        state = init()
        write(tmp_path / f"{name}.json", to_arrays(state), {})
        back = from_arrays(read(tmp_path / f"{name}.json").arrays, jax.eval_shape(init))
        assert jax.tree.structure(back) == jax.tree.structure(state)
        for one, other in zip(jax.tree.leaves(back), jax.tree.leaves(state), strict=True):
            assert (one.dtype, bits(one)) == (other.dtype, bits(other))
            assert getattr(one, "weak_type", False) == getattr(other, "weak_type", False)


def test_leaves_are_matched_by_path_and_checked() -> None:
    like = {"weight": jnp.zeros((2, 3), "f4"), "bias": jnp.zeros(3, "f4")}
    arrays = {"bias": np.arange(3, dtype="f4"), "weight": np.ones((2, 3), "f4")}
    back = from_arrays(arrays, like)
    np.testing.assert_array_equal(back["bias"], arrays["bias"])
    for changed, words in (
        ({"bias": np.zeros(4, "f4")}, "bias: expected the shape (3,), got (4,)"),
        ({"bias": np.zeros(3, "i4")}, "bias: expected float32, got int32"),
        ({"odd": np.zeros(3)}, "not of this network: odd"),
    ):
        with pytest.raises(FnnError) as caught:
            from_arrays(arrays | changed, like)
        assert str(caught.value) == words
    with pytest.raises(FnnError, match="two leaves of this pytree have the same path"):
        to_arrays({"a.b": jnp.zeros(1), "a": {"b": jnp.zeros(1)}})


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_any_flipped_bit_is_found_and_named(tmp_path: Path) -> None:
    arrays = {"first": np.arange(40, dtype="f4"), "second": np.ones((3, 5), "f8")}
    write(tmp_path / "one.json", arrays, {"step": 3, "rate": 0.1})
    tensors = next(tmp_path.glob("*.safetensors"))
    sound = json.loads((tmp_path / "one.json").read_text())
    size, named = tensors.stat().st_size, 0
    for path in (tensors, tmp_path / "one.json"):
        for place in range(0, path.stat().st_size, 7):
            flip(path, place)
            try:
                assert read(tmp_path / "one.json").record == sound  # white space
            except FnnError as error:
                assert str(tmp_path) in str(error)
                named += "damaged in " in str(error)
            flip(path, place)
    assert named >= (size - 400) // 7
    flip(tensors, size - 1)  # of the leaf that the writer puts last
    with pytest.raises(FnnError, match=r"\.safetensors: damaged in (first|second), or not"):
        read(tmp_path / "one.json")


def damaged(path: Path) -> None:
    flip(path, path.stat().st_size - 1)


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [damaged, removed])
def test_the_last_whole_checkpoint_is_read(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    assert newest(tmp_path / "none") == (None, [])
    for step in (5, 40, 300):
        (tmp_path / f".step-{step}.json.ab.tmp").write_bytes(b"half")
        (tmp_path / f"step-{step + 1:010}-ab.safetensors").write_bytes(b"no manifest names it")
        write_next(tmp_path, step, {"leaf": np.full(3, step)}, {"step": step})
    assert len(list(tmp_path.iterdir())) == 4  # two of them, of two files each
    found, problems = newest(tmp_path)
    assert found is not None and not problems
    assert found.record["step"] == found.arrays["leaf"][0] == 300
    damage(next(tmp_path.glob("step-0000000300-*")))
    found, problems = newest(tmp_path)
    assert found is not None and found.record["step"] == found.arrays["leaf"][0] == 40
    assert len(problems) == 1 and "step-0000000300" in problems[0]
    damage(next(tmp_path.glob("step-0000000040-*")))
    with pytest.raises(FnnError, match="step-0000000300"):
        newest(tmp_path)


def test_a_copy_of_another_checkpoints_arrays_is_refused(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("two", 2.0)):
        write(tmp_path / f"{name}.json", {"leaf": np.full(3, value)}, {})
    one, two = (next(tmp_path.glob(f"{name}-*")) for name in ("one", "two"))
    shutil.copy(two, one)
    with pytest.raises(FnnError, match="damaged in leaf, or not the arrays that one"):
        read(tmp_path / "one.json")


def test_what_bits_hang_on_is_compared_by_name() -> None:
    here = environment()
    assert not differences(here, here)
    other = json.loads(json.dumps(here))
    other["versions"] |= {"jax": "0.9", "python": "3.10.0"}
    other["random"]["jax_threefry_partitionable"] = not here["random"]["jax_threefry_partitionable"]
    other["device"]["count"] = 8
    found = {one.name: one.changes_bits for one in differences(other, here)}
    assert found == {
        "device.count": True,
        "random.jax_threefry_partitionable": True,
        "versions.jax": True,
        "versions.python": False,
    }
