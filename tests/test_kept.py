"""Executables that are kept whole: a run from them is the same run, and a bad one is never used."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn.training.program import kept
from tests.processes import environment, finish, start
from tests.user_layers import TwoInputs

TRAIN = ("train", "iris", "--hidden", "5", "--epochs", "2", "--no-figures")


def trained(place: Path, name: str) -> tuple[str, bool]:
    """The model's file, whose name holds its digest, and whether a segment was traced for it."""
    programs = place / "programs"
    logging = environment(programs, JAX_LOG_COMPILES="1")
    done = finish(start([*TRAIN, "--out", name], place, programs, env=logging))
    assert done.status == 0, done.err
    (model,) = (place / name / "model").glob("*.safetensors")
    return model.name, "Compiling jit(segment)" in done.err


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def first(place: Path) -> tuple[str, bool]:
    return trained(place, "first")


def files(place: Path) -> Iterator[Path]:
    return (place / "programs" / "whole").glob("*.program")


def test_a_kept_run_traces_nothing_and_has_the_same_bits(place: Path, first) -> None:
    assert first[1], "or this test sees no tracing at all"
    assert len(list(files(place))) == 3, "initialization, the segment, evaluation"
    assert trained(place, "second") == (first[0], False)


@pytest.mark.parametrize("damage", ["a bit", "foreign"])
def test_what_is_kept_badly_is_compiled(place: Path, first, damage: str) -> None:
    """Of what another build might have made the digest is right, and it can't be loaded.

    JAX has the program in its own cache, so it isn't written again: XLA would lose its functions.
    """
    sound = {path: path.read_bytes() for path in files(place)}
    for path, data in sound.items():
        if damage == "a bit":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        else:
            held = kept._read(path)
            _, *trees = held["program"]
            kept.write(path, {**held, "program": (b"of another build", *trees)})
    bad = {path: path.read_bytes() for path in sound}
    assert bad != sound
    assert trained(place, damage.replace(" ", "-")) == (first[0], True)
    assert bad == {path: path.read_bytes() for path in sound}
    for path, data in sound.items():
        path.write_bytes(data)


def test_one_that_does_not_run_is_replaced() -> None:
    program = kept.KeptProgram(
        jax.jit(lambda x, *, times: x * times, static_argnames="times"), "times"
    )
    x = jnp.arange(3.0)

    def broken(*_: object) -> None:
        raise RuntimeError("NOT_FOUND: Function multiply not found")

    program._loaded[program._call((x,), {"times": 2}).key] = broken
    assert program(x, times=2).tolist() == [0, 2, 4]
    assert program(x, times=3).tolist() == [0, 3, 6]
    assert not program._loaded


def test_the_name_tells_specs_shapes_and_fixed_arguments_apart() -> None:
    def digest(net: object, rows: int = 3, names: tuple[str, ...] = ("accuracy",)) -> str:
        program = kept.KeptProgram(
            jax.jit(lambda net, x, names: x, static_argnames="names"), "names"
        )
        return kept._digest("f", program._call((net, jnp.zeros(rows), names), {}).key)

    assert digest(fnn.Dense(2)) == digest(fnn.Dense(2))
    others = [digest(fnn.Dense(3)), digest(fnn.Dense(2), 4), digest(fnn.Dense(2), names=("nll",))]
    assert len({digest(fnn.Dense(2)), *others}) == 4
    with pytest.raises(pickle.PicklingError, match="TwoInputs"):
        digest(TwoInputs(2))
