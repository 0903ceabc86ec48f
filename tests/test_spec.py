"""What a spec promises: numbers as leaves, checks at the door, paths, equality, JSON."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import math
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn.activations import ELU, GELU, Elementwise, LeakyReLU, ReLU, Tanh
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import Layer, Static
from fnn.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from fnn.losses import CrossEntropy, Huber, Loss
from fnn.networks import mlp
from fnn.objective import Objective, Policy
from fnn.optimizers import SGD, Adam, OptaxTransformation, Optimizer
from fnn.schedules import Constant, CosineDecay, Schedule
from fnn.spec import (
    FnnError,
    SpecError,
    error_path,
    from_json,
    from_name,
    is_spec,
    kinds,
    named_leaves,
    number,
    numbers,
    part,
    path_name,
    replace,
    spec,
    static,
    to_json,
    with_numbers,
)
from fnn.training import Run


@spec("test_spec_whole.v1")
class Whole:
    """A field of every role."""

    rate: float = number(default=0.5, low=0, below=1)
    limit: float | None = number(default=None, low=-1, high=1)
    speed: float | Schedule = number(default=0.1)
    function: Elementwise = part(default="relu")
    others: tuple[Elementwise, ...] = part(default=())
    maybe: Elementwise | None = part(default=None)
    units: int = static(default=3, low=1, high=8)
    name: Literal["mean", "sum"] = static(default="mean")
    ratio: float = static(default=1.5, high=2)
    pair: tuple[int, str] = static(default=(1, "a"))
    widths: tuple[int, ...] = static(default=(), low=1)
    size: int | None = static(default=None)
    call: Callable[[float], float] | None = static(default=None)
    names: list[str] | None = static(default=None)
    anything: Any = None
    plain: bool = False


class Undecorated(Elementwise):
    forward = backward = None  # type: ignore[assignment]


def complaint(make: Callable[[], Any], kind: type[FnnError] = SpecError) -> str:
    """The message that `make` fails with, which a person must be able to read."""
    with pytest.raises(FnnError) as caught:
        make()
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message and " at 0x" not in message, message
    return message


@pytest.fixture
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds made in a test are forgotten after it."""
    monkeypatch.setattr(importlib.import_module("fnn.spec.kinds"), "_KINDS", kinds())


# Roles


def test_numbers_are_leaves_parts_are_subtrees_and_the_rest_is_structure() -> None:
    whole = Whole(limit=0.0, speed=Constant(0.2), others=(ReLU(), LeakyReLU()), maybe=ELU(2.0))
    assert named_leaves(whole) == {
        "rate": 0.5,
        "limit": 0.0,
        "speed.init_value": 0.2,
        "others[1].slope": 0.01,
        "maybe.alpha": 2.0,
    }


@pytest.mark.parametrize("change", [{"rate": 0.0}, {"speed": 3}, {"function": "relu"}])
def test_another_number_is_the_same_structure(change: dict[str, Any]) -> None:
    assert jax.tree.structure(Whole(**change)) == jax.tree.structure(Whole())


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0.0},
        {"speed": Constant(0.1)},
        {"function": "tanh"},
        {"others": (ReLU(),)},
        {"maybe": "relu"},
        {"units": 4},
        {"name": "sum"},
        {"ratio": 1.25},
        {"pair": (1, "b")},
        {"anything": 1},
        {"plain": True},
    ],
)
def test_anything_else_is_another_structure(change: dict[str, Any]) -> None:
    assert jax.tree.structure(Whole(**change)) != jax.tree.structure(Whole())


def test_none_switches_off_by_structure_and_zero_stays_traced() -> None:
    seen = []

    @jax.jit
    def f(loss: CrossEntropy) -> Any:
        seen.append(loss.smoothing)
        return jax.tree.leaves(loss)

    for smoothing in (None, 0.0, 0.1):
        f(numbers(CrossEntropy(smoothing)))
    assert len(seen) == 2
    assert seen[0] is None and isinstance(seen[1], jax.core.Tracer)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Whole().rate = 0.1  # type: ignore[misc]


def test_unflattening_skips_the_checks() -> None:
    """Leaves may be anything: tracers, shapes, axes."""
    assert jax.tree.map(lambda _: "axis", Whole()).rate == "axis"
    assert jax.eval_shape(lambda: numbers(Whole())).rate.shape == ()


# Coercion and refusal


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("rate", 0, 0.0),
        ("rate", Fraction(1, 4), 0.25),
        ("rate", np.float32(0.25), 0.25),
        ("rate", np.array(0), 0.0),
        ("rate", jnp.array(0.25), 0.25),
        ("limit", -1, -1.0),
        ("limit", 1, 1.0),
        ("function", "tanh", Tanh()),
        ("others", (ReLU(), "tanh"), (ReLU(), Tanh())),
        ("units", np.int8(8), 8),
        ("name", np.str_("sum"), "sum"),
        ("ratio", np.float32(0.5), 0.5),
        ("widths", (np.int64(2), 3), (2, 3)),
        ("call", math.sqrt, math.sqrt),
        ("anything", np.float64(2), 2.0),
        ("plain", np.bool_(True), True),
    ],
)
def test_fields_are_kept_as_pythons_own(field: str, given: Any, kept: Any) -> None:
    value = getattr(Whole(**{field: given}), field)
    assert value == kept
    assert type(value) is type(kept)
    if isinstance(value, tuple):
        assert list(map(type, value)) == list(map(type, kept))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_stack_of_numbers_is_taken_as_it_is(dtype: str) -> None:
    stack = jnp.array([0.25, 0.5], dtype)
    assert Whole(rate=stack).rate is stack


REFUSED = [
    ({"rate": True}, "rate: expected a number, got True (bool)"),
    ({"rate": "0.5"}, "rate: expected a number, got '0.5' (str)"),
    ({"rate": None}, "rate: expected a number, got None (NoneType)"),
    ({"rate": [0.5]}, "rate: expected a number, got [0.5] (list)"),
    ({"rate": 0.5j}, "rate: expected a number, got 0.5j (complex)"),
    ({"rate": lambda: 0.5}, "rate: expected a number, got <function <lambda>> (function)"),
    ({"rate": np.array(True)}, "rate: expected a number, got True (bool)"),
    ({"rate": math.nan}, "rate: expected a finite number, got nan"),
    ({"rate": math.inf}, "rate: expected a finite number, got inf"),
    ({"rate": 10**400}, "rate: expected a finite number, got inf"),
    ({"rate": -0.1}, "rate: expected at least 0, got -0.1"),
    ({"rate": 1}, "rate: expected less than 1, got 1.0"),
    ({"limit": -1.5}, "limit: expected at least -1, got -1.5"),
    ({"limit": 1.5}, "limit: expected at most 1, got 1.5"),
    ({"rate": jnp.array([0.5, math.nan])}, "rate: expected a finite number, got nan"),
    ({"rate": np.array([[0.5], [1.0]])}, "rate: expected less than 1, got 1.0"),
    ({"rate": np.array([0, 0])}, "rate: expected an array of floats, got one of int64"),
    ({"speed": ReLU()}, "speed: expected float or Schedule, got ReLU() (ReLU)"),
    ({"function": None}, "function: expected Elementwise, got None (NoneType)"),
    ({"function": Dense(2)}, "function: expected Elementwise, got Dense(units=2) (Dense)"),
    ({"function": math.tanh}, "function: expected Elementwise, got <built-in function tanh> ("),
    ({"function": Tanh}, "function: expected a spec, got the class: write Tanh(…)"),
    (
        {"function": Undecorated.__new__(Undecorated)},
        "function: Undecorated is not a spec: decorate the class with @spec('name.v1')",
    ),
    ({"function": "thanh"}, "function: unknown name 'thanh'; did you mean 'tanh'?"),
    ({"others": [ReLU()]}, "others: expected a tuple of specs, got [ReLU()] (list)"),
    ({"others": ReLU()}, "others: expected a tuple of specs, got ReLU() (ReLU)"),
    ({"others": (ReLU(), 3)}, "others[1]: expected Elementwise, got 3 (int)"),
    ({"maybe": 3}, "maybe: expected Elementwise or NoneType, got 3 (int)"),
    ({"units": 2.0}, "units: expected a whole number, got 2.0 (float)"),
    ({"units": np.float64(2)}, "units: expected a whole number, got 2.0 (float)"),
    ({"units": True}, "units: expected a whole number, got True (bool)"),
    ({"units": "2"}, "units: expected a whole number, got '2' (str)"),
    ({"units": np.zeros((9, 9))}, "units: expected a whole number, got array([[0., 0., 0., 0., "),
    ({"units": 0}, "units: expected at least 1, got 0"),
    ({"units": 9}, "units: expected at most 8, got 9"),
    ({"units": 10**30}, "units: expected a whole number of 64 bits, got 1000000000000000000000"),
    ({"name": "sun"}, "name: unknown name 'sun'; did you mean 'sum'? (known: mean, sum)"),
    ({"name": 1}, "name: expected one of ('mean', 'sum'), got 1 (int)"),
    ({"name": np.array(["mean", "sum"])}, "name: expected one of ('mean', 'sum'), got array(["),
    ({"ratio": 1}, "ratio: expected float, got 1 (int)"),
    ({"ratio": math.nan}, "ratio: expected a finite number, got nan"),
    ({"ratio": 2.5}, "ratio: expected at most 2, got 2.5"),
    ({"pair": (1, 2)}, "pair[1]: expected str, got 2 (int)"),
    ({"pair": (1,)}, "pair: expected 2 values, got 1"),
    ({"pair": [1, "a"]}, "pair: expected a tuple, got [1, 'a'] (list): a list can change"),
    ({"widths": (2, 0)}, "widths[1]: expected at least 1, got 0"),
    ({"size": 2.0}, "size: expected a whole number, got 2.0 (float)"),
    ({"call": 3}, "call: expected Callable, got 3 (int)"),
    ({"call": lambda x: x}, "call: a lambda equals no other"),
    ({"names": ["a"]}, "names: expected a value that can't change, got ['a'] (list)"),
    ({"anything": [1]}, "anything: expected a value that can't change, got [1] (list)"),
    ({"anything": (1, [2])}, "anything: expected a value that can't change, got (1, [2]) (tuple)"),
    ({"anything": np.zeros(2)}, "anything: expected a value that can't change"),
    ({"anything": lambda: 1}, "anything: a lambda equals no other"),
    ({"anything": math.nan}, "anything: expected a finite number, got nan"),
    ({"plain": 1}, "plain: expected bool, got 1 (int)"),
    ({"plain": None}, "plain: expected bool, got None (NoneType)"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals_name_the_field(fields: dict[str, Any], message: str) -> None:
    assert complaint(lambda: Whole(**fields)).startswith(message)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(2.0), "units: expected a whole number, got 2.0 (float)"),
        (lambda: Dense(True), "units: expected a whole number, got True (bool)"),
        (lambda: Dense(0), "units: expected at least 1, got 0"),
        (
            lambda: Serial([Dense(2)]),
            "layers[0]: expected Layer, got [Dense(units=2)] (list): give each one by itself, or "
            "unpack them with *",
        ),
        (lambda: Serial(Dense(2), Dense), "layers[1]: expected a spec, got the class: write De"),
        (lambda: Serial("dense"), "layers[0]: 'dense' has no defaults: write Dense(…)"),
        (lambda: Parallel(), "Parallel needs at least one branch"),
        (lambda: Repeat(Dense(2), 2, tied=1), "tied: expected bool, got 1 (int)"),
        (lambda: Activation(GELU("tahn")), "form: unknown name 'tahn'; did you mean 'tanh'?"),
        (lambda: SGD(nesterov=True), "nesterov: expected a momentum beside it"),
        (
            lambda: Objective(Dense(2), "cross_entrop", policy=Policy()),
            "loss: unknown name 'cross_entrop'; did you mean 'cross_entropy'?",
        ),
    ],
)
def test_refusals_of_the_packages_own_specs(make: Callable[[], Any], message: str) -> None:
    assert complaint(make).startswith(message)


def test_a_traced_number_cannot_be_structure() -> None:
    message = complaint(lambda: jax.eval_shape(lambda n: Dense(n), 3))
    assert message.startswith("units: expected a whole number, got ")


def test_a_field_without_default_must_be_given() -> None:
    with pytest.raises(TypeError, match="units"):
        Dense()


# Classes


@pytest.mark.parametrize("kind", ["dense", "Dense.v1", "dense.v0", "dense.v01", "dense.v1 ", ""])
def test_a_kind_carries_a_version(kind: str) -> None:
    assert repr(kind) in complaint(lambda: spec(kind))


def test_a_spec_is_final() -> None:
    def subclass() -> None:
        class Wide(Dense):
            pass

    assert complaint(subclass) == "Dense is final: subclass the abstract class above it, not Dense"


def test_a_kind_is_taken_once(own_table: None) -> None:
    @spec("test_spec_taken.v1")
    class First:
        pass

    def second() -> None:
        @spec("test_spec_taken.v1")
        class Second:
            pass

    assert complaint(second).startswith("kind 'test_spec_taken.v1' is taken by tests.test_spec.")
    assert kinds()["test_spec_taken.v1"] is First


def test_a_definition_may_be_executed_again(own_table: None) -> None:
    """As in a notebook: the newest is the one that JSON gives."""

    def define() -> type:
        @spec("test_spec_again.v1")
        class Again:
            rate: float = number(default=1.0)

        return Again

    old, new = define()(), define()()
    assert is_spec(old) and old != new
    assert from_json(to_json(old)) == new


def test_named() -> None:
    assert from_name("leaky_relu", Elementwise) == LeakyReLU()
    assert from_name("squared_error", Loss).kind == "squared_error.v1"
    message = complaint(lambda: from_name("rleu", Elementwise))
    assert message.startswith("unknown name 'rleu'; did you mean 'relu'? (known: elu, gelu, ")
    assert "dense" not in message
    assert "did you mean" not in complaint(lambda: from_name("", Elementwise))
    assert complaint(lambda: from_name("dense", Layer)) == "'dense' has no defaults: write Dense(…)"


def test_errors_gather_their_path_from_the_inside_out() -> None:
    def fail() -> None:
        with (
            error_path("net"),
            error_path("layers[2]"),
            error_path("pair"),
            error_path("[1]"),
            error_path(""),
        ):
            raise SpecError("wrong", "x")

    assert complaint(fail) == "net.layers[2].pair[1].x: wrong"


def test_repr_leaves_out_defaults_and_stays_on_one_line() -> None:
    assert repr(Whole()) == "Whole()"
    assert repr(numbers(Whole(), np.float32)) == "Whole(rate=0.5, speed=0.1)"
    shown = repr(Whole(rate=np.linspace(0, 0.9, 99).reshape(9, 11), function="tanh", size=2))
    assert shown == "Whole(rate=float64[9, 11], function=Tanh(), size=2)"
    inside = []
    jax.eval_shape(lambda whole: inside.append(repr(whole)), Whole())
    assert inside == ["Whole(rate=float64[], speed=float64[])"]


# Numbers


@pytest.mark.parametrize("rate", [0.25, np.float32(0.25), np.array([0.25]), jnp.array(0.25, "f4")])
def test_numbers_share_a_dtype(rate: Any) -> None:
    made = jax.tree.map(lambda _: rate, Whole(limit=0.0))
    for dtype in (None, "float32", "float64"):
        leaves = jax.tree.leaves(numbers(made, dtype))
        assert [leaf.dtype for leaf in leaves] == [np.dtype(dtype or "float64")] * 3
        assert [leaf.shape for leaf in leaves] == [np.shape(rate)] * 3


def test_numbers_follow_jaxs_default_float() -> None:
    with jax.enable_x64(False):
        assert numbers(Whole()).rate.dtype == np.float32


def test_numbers_of_tracers() -> None:
    def f(rate: jax.Array) -> Whole:
        assert isinstance(rate, jax.core.Tracer)
        return numbers(Whole(rate=rate), "float32")

    rates = np.array([0.25, 0.5])
    assert jax.eval_shape(f, 0.25).rate.dtype == np.float32
    mapped = jax.vmap(f)(rates)
    assert mapped.rate.dtype == np.float32
    np.testing.assert_array_equal(mapped.rate, rates)


def test_a_spec_is_made_inside_jit_and_differentiated() -> None:
    def f(slope: jax.Array) -> jax.Array:
        return LeakyReLU(slope)(jnp.array([-2.0, -1.0, 4.0])).sum()

    assert jax.jit(jax.value_and_grad(f))(0.5) == (2.5, -3.0)


def test_a_stacked_spec_under_vmap_is_its_members() -> None:
    def net(epsilon: Any, slope: Any) -> Serial:
        return Serial(LayerNorm(epsilon=epsilon), Activation(LeakyReLU(slope)))

    x = np.linspace(-1.0, 2.0, 6).reshape(2, 3)
    params, state = net(0.1, 0.1).init(None, jax.ShapeDtypeStruct((3,), x.dtype))
    members = [numbers(net(*pair)) for pair in ((0.1, 0.2), (0.3, 0.4), (0.5, 0.0))]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    assert stacked == net(np.array([0.1, 0.3, 0.5]), np.array([0.2, 0.4, 0.0]))

    apply = jax.jit(lambda net: net.apply(params, state, x)[0])
    together = jax.vmap(apply)(stacked)
    for member, y in zip(members, together, strict=True):
        np.testing.assert_allclose(apply(member), y, rtol=1e-12, atol=1e-12)
    assert not np.allclose(together[0], together[1], atol=1e-3)


# Paths


RUN = Run(
    Objective(mlp([4], 2, dropout=0.2, batch_norm=True), "cross_entropy"),
    Adam(0.01, weight_decay=0.0),
)


def test_paths() -> None:
    assert list(named_leaves(RUN)) == [
        "objective.net.layers[1].momentum",
        "objective.net.layers[1].epsilon",
        "objective.net.layers[3].rate",
        "optimizer.learning_rate",
        "optimizer.weight_decay",
        "optimizer.b1",
        "optimizer.b2",
        "optimizer.eps",
    ]
    deep = Repeat(Residual(Parallel(Dropout(0.1), Dropout(0.2))), 3)
    assert list(named_leaves(deep)) == [
        "inner.inner.branches[0].rate",
        "inner.inner.branches[1].rate",
    ]


def test_paths_of_any_pytree() -> None:
    """Parameters are dictionaries and tuples, keyed by numbers too."""
    tree = {"layers": ({"weight": 1}, [2, 3]), "by number": {7: 4, 10: {"bias": 5}}}
    assert named_leaves(tree) == {
        "by number[7]": 4,
        "by number[10].bias": 5,
        "layers[0].weight": 1,
        "layers[1][0]": 2,
        "layers[1][1]": 3,
    }
    assert named_leaves({(0, "a"): 1}) == {"[(0, 'a')]": 1}
    assert named_leaves(3.0) == {"": 3.0}
    assert named_leaves(None) == {}
    assert path_name((jax.tree_util.FlattenedIndexKey(3),)) == "[3]"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("optimizer.learning_rate", {"optimizer.learning_rate"}),
        ("learning_rate", {"optimizer.learning_rate"}),
        ("objective.net.layers[3].rate", {"objective.net.layers[3].rate"}),
        ("layers[3].rate", {"objective.net.layers[3].rate"}),
        ("rate", {"objective.net.layers[3].rate"}),
    ],
)
def test_with_numbers(name: str, changed: set[str]) -> None:
    before = named_leaves(RUN)
    after = named_leaves(with_numbers(RUN, {name: 0.75}))
    assert after == {path: 0.75 if path in changed else before[path] for path in before}
    assert named_leaves(RUN) == before


def test_with_numbers_changes_every_leaf_of_a_name() -> None:
    net = Serial(Dropout(0.1), Residual(Dropout(0.2)), Dense(2))
    assert with_numbers(net, {}) == net
    assert with_numbers(net, {"rate": 0.3}) == Serial(
        Dropout(0.3), Residual(Dropout(0.3)), Dense(2)
    )
    one = with_numbers(net, {"layers[0].rate": 0.3, "inner.rate": 0.4})
    assert one == Serial(Dropout(0.3), Residual(Dropout(0.4)), Dense(2))


def test_with_numbers_takes_tracers() -> None:
    def f(slope: jax.Array) -> jax.Array:
        return with_numbers(LeakyReLU(), {"slope": slope})(jnp.array(-1.0))

    np.testing.assert_array_equal(jax.vmap(f)(np.array([0.25, 0.5])), [-0.25, -0.5])


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("rat", "rate"),
        ("learningrate", "learning_rate"),
        ("optimizers.learning_rate", "optimizer.learning_rate"),
        ("net.layers[2].rate", "objective.net.layers[3].rate"),
        ("layers", None),
        ("ate", "rate"),
        ("", None),
    ],
)
def test_unknown_numbers_name_the_nearest(name: str, nearest: str | None) -> None:
    message = complaint(lambda: with_numbers(RUN, {"rate": 0.1, name: 0.5}))
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    assert message.startswith(f"no number is called {name!r}{hint} (known: b1, b2, ")


# Equality


def test_equality_and_hash() -> None:
    stack = [0.25, 0.5]
    groups = [
        [Whole(), Whole(0.5), numbers(Whole()), from_json(to_json(Whole()))],
        [Whole(0.25), Whole(jnp.array(0.25)), Whole(np.float32(0.25))],
        [Whole(np.array(stack)), Whole(jnp.array(stack)), Whole(np.array(stack, np.float32))],
        [Whole(np.array([stack]))],
        [Whole(np.array([0.5, 0.25]))],
        [Whole(units=4)],
        [Whole(limit=0.0)],
        [Whole(function="tanh")],
        [ReLU()],
        [Tanh(), Tanh()],
        [0.5],
    ]
    for i, group in enumerate(groups):
        for j, other in enumerate(groups):
            for a in group:
                for b in other:
                    assert (a == b) is (i == j), (a, b)
                    assert (a != b) is (i != j), (a, b)
                    assert hash(a) == hash(b) or i != j, (a, b)
    assert len({Whole(), Whole(0.5), Whole(units=4)}) == 2


def test_replace() -> None:
    net = mlp([4], 2)
    assert replace(Whole(), rate=0, units=4) == Whole(0.0, units=4)
    assert replace(net, layers=(Dense(2),)) == Serial(Dense(2))
    assert replace(net) == net
    assert complaint(lambda: replace(Whole(), units=2.0)).startswith("units: expected a whole")
    message = complaint(lambda: replace(Whole(), unit=2))
    assert message.startswith("Whole has no field 'unit'; did you mean 'units'? (known: ")


STACKED = Serial(Dropout(np.array([0.25, 0.5])), BatchNorm(), Activation("elu"))


@pytest.mark.parametrize("made", [RUN, STACKED, Whole(others=(ReLU(), ELU(0.5)))])
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_and_pickles(made: Any, again: Callable[[Any], Any]) -> None:
    other = again(made)
    assert other == made and other is not made
    assert jax.tree.structure(other) == jax.tree.structure(made)


# JSON


def bits(value: Any) -> list[int]:
    return np.asarray(value, np.float64).reshape(-1).view(np.uint64).tolist()


def test_json_keeps_every_bit() -> None:
    drawn = np.random.default_rng(0).integers(0, 2**64, 500, np.uint64).view(np.float64)
    extremes = [0.1, 1 / 3, -0.0, 5e-324, 2.0**-1022, math.nextafter(1, 2), 1.7976931348623157e308]
    values = np.concatenate([drawn[np.isfinite(drawn)], extremes])
    for value in values.tolist():
        assert bits(from_json(to_json(LeakyReLU(value))).slope) == bits(value)
    for stack in (values, values[:6].reshape(1, 2, 3), values[:0]):
        again = from_json(to_json(LeakyReLU(stack)))
        assert bits(again.slope) == bits(stack) and again.slope.shape == stack.shape
    small = jnp.array([0.1, 1 / 3], "float32")
    assert from_json(to_json(LeakyReLU(small))) == LeakyReLU(small)


def test_json_of_every_kind_of_field() -> None:
    whole = Whole(
        limit=-0.5,
        speed=CosineDecay(0.1, 10.0),
        others=(ELU(np.array([0.5, 0.75])), Tanh()),
        maybe=GELU("tanh"),
        pair=(2, "b\n'\"ü"),
        widths=(1, 2),
        size=4,
        anything=(1, 2.0, None, True, ("x",)),
    )
    for made in (whole, Whole(), numbers(whole), numbers(whole, jnp.float32)):
        again = from_json(to_json(made))
        assert again == made and repr(again.anything) == repr(made.anything)
        assert jax.tree.structure(again) == jax.tree.structure(made)
        assert from_json(to_json(made, indent=None)) == made
    data = json.loads(to_json(whole))
    assert data["kind"] == "test_spec_whole.v1"
    assert data["maybe"] == {"kind": "gelu.v1", "form": "tanh"}
    assert list(data)[1:] == [field.name for field in dataclasses.fields(Whole)]


def test_a_stack_from_json_compiles_nothing() -> None:
    traces = []

    @jax.jit
    def f(net: Serial) -> Any:
        traces.append(net)
        return jax.tree.leaves(net)

    f(numbers(STACKED))
    f(numbers(from_json(to_json(STACKED))))
    assert len(traces) == 1


DENSE = {"kind": "dense.v1", "units": 2}
WRONG_JSON = [
    ("{", "not JSON: Expecting property name"),
    ("", "not JSON: Expecting value"),
    ("[" * 99999, "not JSON that can be read: nested too deeply"),
    ('{"kind": "dense.v1", "units": ' + "1" * 9999 + "}", "not JSON that can be read: a whole"),
    ([], "expected an object with a kind, got [] (list)"),
    (3, "expected an object with a kind, got 3 (int)"),
    (None, "expected an object with a kind, got None (NoneType)"),
    ({"numbers": [1.0]}, "expected an object with a kind, got {'numbers': [1.0]} (dict)"),
    ({}, "expected an object with a kind, got one with []"),
    ({"kind": 3}, "expected an object with a kind, got one with ['kind']"),
    ({"kind": "dens.v1"}, "unknown kind 'dens.v1'; did you mean 'dense.v1'? (known: "),
    ({"kind": "dense.v9"}, "unknown version 'dense.v9': this fnn reads dense.v1"),
    ({"kind": "dense"}, "unknown version 'dense': this fnn reads dense.v1"),
    ({"kind": "dense.v1"}, "Dense needs the field 'units'"),
    ({**DENSE, "unit": 3}, "dense.v1 has no field 'unit'; did you mean 'units'? (known: "),
    ({"kind": "dropout.v1", "rate": "0.5"}, "rate: expected a number, got '0.5' (str)"),
    ({"kind": "dropout.v1", "rate": None}, "rate: expected a number, got None (NoneType)"),
    ({"kind": "dropout.v1", "rate": True}, "rate: expected a number, got True (bool)"),
    ({"kind": "dropout.v1", "rate": [0.5]}, "rate: expected a number, got (0.5,) (tuple)"),
    ({"kind": "dropout.v1", "rate": math.nan}, "rate: expected a finite number, got nan"),
    ({"kind": "dropout.v1", "rate": 1.5}, "rate: expected less than 1, got 1.5"),
    ({"kind": "dropout.v1", "rate": DENSE}, "rate: expected float, got Dense(units=2) (Dense)"),
    ({"kind": "gelu.v1", "form": "tnah"}, "form: unknown name 'tnah'; did you mean 'tanh'?"),
]
WRONG_NUMBERS = [3, None, "1", [None], ["0.5"], [True], [0.1, "a"], [[0.1], [0.2, 0.3]]]
WRONG_LAYERS = [
    ({**DENSE, "units": 2.0}, ".units: expected a whole number, got 2.0 (float)"),
    ({**DENSE, "units": [2]}, ".units: expected a whole number, got (2,) (tuple)"),
    ({**DENSE, "weight_init": {"kind": "relu.v1"}}, ".weight_init: expected Initializer, got ReLU"),
    ({**DENSE, "weight_init": {"kind": "glrot.v1"}}, ".weight_init: unknown kind 'glrot.v1'; did"),
    ({"kind": "dense.v1"}, ": Dense needs the field 'units'"),
    ({"kind": "dense.v2", "units": 2}, ": unknown version 'dense.v2'"),
    ({"units": 2}, ": expected an object with a kind, got one with ['units']"),
    ({"kind": "relu.v1"}, ": expected Layer, got ReLU() (ReLU)"),
    (3, ": expected Layer, got 3 (int)"),
    ([], ": expected Layer, got () (tuple)"),
    ({"kind": "residual.v1", "inner": {**DENSE, "units": 0}}, ".inner.units: expected at least 1"),
]


@pytest.mark.parametrize(("data", "message"), WRONG_JSON, ids=[m for _, m in WRONG_JSON])
def test_wrong_json(data: Any, message: str) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    assert complaint(lambda: from_json(text)).startswith(message)


@pytest.mark.parametrize(("data", "message"), WRONG_LAYERS, ids=[m for _, m in WRONG_LAYERS])
def test_wrong_json_deep_down_names_its_path(data: Any, message: str) -> None:
    text = json.dumps({"kind": "serial.v1", "layers": [DENSE, data]})
    assert complaint(lambda: from_json(text)).startswith(f"layers[1]{message}")


@pytest.mark.parametrize("data", WRONG_NUMBERS, ids=str)
def test_wrong_numbers_in_json(data: Any) -> None:
    text = json.dumps({"kind": "dropout.v1", "rate": {"numbers": data}})
    assert complaint(lambda: from_json(text)).startswith("rate: expected an array of numbers, got ")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            replace(RUN, optimizer=OptaxTransformation(optax.sgd(0.1))),
            "optimizer.wrapped: JSON can't hold GradientTransformation",
        ),
        (Whole(anything=(1, (2, math.sqrt))), "anything[1][1]: JSON can't hold <built-in function"),
        (Serial(Dense(2), jax.tree.map(lambda _: np.nan, Dropout())), "layers[1].rate: JSON can't"),
        (jax.tree.map(lambda _: np.array(np.inf), Huber()), "delta: JSON can't hold inf"),
        (jax.tree.map(lambda _: np.array([1, np.nan]), Huber()), "delta: JSON can't hold array(["),
        (3, "expected a spec, got 3 (int)"),
        ((Dense(2),), "expected a spec, got (Dense(units=2),) (tuple)"),
        (Dense, "expected a spec, got <class 'fnn.layers.dense.Dense'>"),
    ],
)
def test_what_json_cannot_hold(made: Any, message: str) -> None:
    assert complaint(lambda: to_json(made)).startswith(message)


def test_json_cannot_hold_a_traced_number() -> None:
    message = complaint(lambda: jax.eval_shape(lambda rate: to_json(Serial(Dropout(rate))), 0.5))
    assert message.startswith("layers[0].rate: JSON can't hold ")


def test_a_named_optimizer_is_a_spec_like_any_other() -> None:
    assert from_json(to_json(from_name("adam", Optimizer))) == Adam()


# Static


def test_static_crosses_jit_vmap_and_scan() -> None:
    fact = Static(("train", (2, 3)))

    def f(x: jax.Array) -> Any:
        return {"fact": fact, "x": 2 * x}

    def body(carry: Any, x: jax.Array) -> Any:
        assert carry["fact"].value == fact.value
        return {"fact": fact, "x": carry["x"] + x}, f(x)

    xs = np.arange(3.0)
    last, taped = jax.jit(lambda xs: jax.lax.scan(body, f(xs[0]), xs))(xs)
    assert last == {"fact": fact, "x": 3.0}
    for tape in (taped, jax.vmap(f)(xs)):
        assert tape["fact"] == fact
        np.testing.assert_array_equal(tape["x"], 2 * xs)
    assert jax.tree.leaves(fact) == []


def test_jit_sees_the_value_of_a_static() -> None:
    traces = []

    @jax.jit
    def f(fact: Static) -> jax.Array:
        traces.append(fact.value)
        return jnp.zeros(fact.value)

    assert [f(Static(n)).shape for n in (2, 3, 2)] == [(2,), (3,), (2,)]
    assert traces == [2, 3]


@pytest.mark.parametrize("value", [1.0, -0.1, math.nan, "x", None, np.array([0.1, 2.0])])
def test_with_numbers_checks_what_it_is_given(value: Any) -> None:
    net = Serial(Dense(2), Dropout(0.5))
    message = complaint(lambda: with_numbers(net, {"rate": value}))
    assert message.startswith("layers[1].rate: expected ")
