"""What a person reads who passes a wrong shape, dtype, target or weight: where, and what came."""

from __future__ import annotations

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.perceptron import train_perceptron
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.gradients import METHODS
from fnn.layer import KeyMissingError, Layer
from fnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GroupNorm,
    LayerNorm,
    RMSNorm,
    Softmax,
)
from fnn.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    SquaredError,
)
from fnn.networks import perceptron
from fnn.objective import Batch, Objective, Policy
from fnn.shapes import shape
from fnn.spec import ShapeError, numbers, path_name
from tests.test_spec import complaint
from tests.user_layers import TwoInputs

BLOCK = Serial(LayerNorm(), Dense(4), Activation("tanh"), Dropout(0.5))
NET = Serial(Dense(4), Repeat(Residual(BLOCK), 2), Parallel(Dense(2), Dense(2)), Dense(3))
ROWS = 7
KEY = jax.random.key(0)

shape_complaint = functools.partial(complaint, kind=ShapeError)


def declared(net: Layer, in_shape: Any) -> tuple[Any, Any]:
    """The shapes of parameters and state."""
    return jax.eval_shape(lambda: net.init(KEY, in_shape))


def apply(net: Layer, *inputs: Any, train: bool = False, key: Any = None) -> Any:
    """Shapes of the output for shapes of parameters, state and input."""
    return jax.eval_shape(lambda *inputs: net.apply(*inputs, train=train, key=key), *inputs)


def under_jit(net: Layer, *inputs: Any) -> Any:
    """The same with a traced spec, as a run calls it."""
    return jax.eval_shape(jax.jit(lambda net, *inputs: net.apply(*inputs)), numbers(net), *inputs)


def under_vmap(net: Layer, *inputs: Any) -> Any:
    """The same for five members, each with numbers, parameters and input of its own."""
    stacked = jax.tree.map(lambda x: shape(5, *x.shape, dtype=x.dtype), (numbers(net), *inputs))
    return jax.eval_shape(jax.vmap(lambda net, *inputs: net.apply(*inputs)), *stacked)


every_way = pytest.mark.parametrize("call", [apply, under_jit, under_vmap])


def exchange(tree: Any, path: str, *axes: int) -> Any:
    """Parameters with another shape at `path`."""
    done = []

    def leaf(keys: Any, x: Any) -> Any:
        if path_name(keys) != path:
            return x
        done.append(path)
        return shape(*axes, dtype=x.dtype)

    changed = jax.tree_util.tree_map_with_path(leaf, tree)
    assert done == [path]
    return changed


# Shapes of inputs


def nested(layer: Layer) -> Layer:
    return Serial(Activation("relu"), Repeat(Residual(Parallel(Dense(3), layer)), 2))


INSIDE = "layers[1].inner.inner"
WRONG_NETWORKS = [
    (nested(Dense(4)), INSIDE, "Parallel: branches[0] gives float32[3], branches[1] float32[4]"),
    (nested(Flatten(2)), f"{INSIDE}.branches[1]", "Flatten(ndim=2) needs 2 feature axes, got"),
    (nested(LayerNorm(2)), f"{INSIDE}.branches[1]", "LayerNorm(ndim=2) needs 2 feature axes, got"),
    (
        nested(Serial(Dense(3), Residual(Dense(4)))),
        f"{INSIDE}.branches[1].layers[1]",
        "Residual: its shortcut gives float32[3], its inner layer float32[4]",
    ),
    (
        nested(Residual(Dense(3), Dense(5))),
        f"{INSIDE}.branches[1]",
        "Residual: its shortcut gives float32[5], its inner layer float32[3]",
    ),
    (
        nested(Residual(Dense(3), Flatten(3))),
        f"{INSIDE}.branches[1].shortcut",
        "Flatten(ndim=3) needs 3 feature axes, got shape (3,)",
    ),
    (
        nested(Repeat(Dense(2), 2)),
        f"{INSIDE}.branches[1]",
        "Repeat: it is given float32[3], its inner layer gives back float32[2]",
    ),
    (
        Repeat(Residual(Dense(4)), 2),
        "inner",
        "Residual: its shortcut gives float32[3], its inner layer float32[4]",
    ),
]


@pytest.mark.parametrize(("net", "path", "message"), WRONG_NETWORKS)
def test_a_network_that_does_not_fit_together(net: Layer, path: str, message: str) -> None:
    """The same words from `out_shape`, from `init`, and within an objective."""
    found = shape_complaint(lambda: net.out_shape(shape(3)))
    assert found.startswith(f"{path}: {message}")
    assert shape_complaint(lambda: declared(net, shape(3))) == found
    objective = Objective(net, "squared_error")
    assert shape_complaint(lambda: declared(objective, shape(3))) == f"net.{found}"


def test_branches_joined_along_the_last_axis_share_the_others() -> None:
    net = Serial(Parallel(Dense(2), Flatten(2), join="concatenate"))
    message = shape_complaint(lambda: net.out_shape(shape(3, 4)))
    assert message.startswith("layers[0]: Parallel(")
    assert message.endswith("branches[0] gives shape (3, 2) and branches[1] (12,)")


@every_way
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (shape(ROWS, 4), "expects inputs of shape (…, 3), got (7, 4)"),
        (shape(ROWS, 28, 28), "expects inputs of shape (…, 3), got (7, 28, 28) (a Flatten layer"),
        (shape(), "needs 1 feature axes, got shape ()"),
        (shape(ROWS, 3, dtype="int32"), "expects floating-point inputs, got int32"),
        (shape(ROWS, 3, dtype=bool), "expects floating-point inputs, got bool"),
        ((shape(ROWS, 3),), "takes one array, got PyTreeDef((*,))"),
    ],
)
def test_an_input_that_the_network_was_not_made_for(call: Any, x: Any, message: str) -> None:
    params, state = declared(NET, shape(3))
    found = shape_complaint(lambda: call(NET, params, state, x))
    assert found.startswith(f"layers[0]: Dense(units=4) {message}")


@every_way
def test_a_shape_that_goes_wrong_deep_down(call: Any) -> None:
    params, state = declared(NET, shape(3))
    call(NET, params, state, shape(ROWS, 3))
    path = "layers[1].inner.inner.layers[1]"
    wrong = exchange(params, f"{path}.weight", 2, 6, 4)
    found = shape_complaint(lambda: call(NET, wrong, state, shape(ROWS, 3)))
    assert found == f"{path}: Dense(units=4) expects inputs of shape (…, 6), got (7, 4)"


SQUARE = {"weight": shape(4, 4), "bias": shape(4)}
NARROW = {"weight": shape(4, 3), "bias": shape(3)}
STACKED = {"weight": shape(2, 4, 3), "bias": shape(2, 3)}


@every_way
@pytest.mark.parametrize(
    ("net", "params", "x", "message"),
    [
        (
            Residual(Dense(3)),
            {"inner": NARROW},
            shape(ROWS, 4),
            "Residual: its shortcut gives float32[7, 4], its inner layer float32[7, 3]",
        ),
        (
            Repeat(Dense(3), 2),
            {"inner": STACKED},
            shape(ROWS, 4),
            "Repeat: it is given float32[7, 4], its inner layer gives back float32[7, 3]",
        ),
        (
            Parallel(Dense(4), Dense(3)),
            {"branches": (SQUARE, NARROW)},
            shape(ROWS, 4),
            "Parallel: branches[0] gives float32[7, 4], branches[1] float32[7, 3]",
        ),
        (
            Parallel(Flatten(2), Dense(3), join="concatenate"),
            {"branches": ({}, NARROW)},
            shape(ROWS, 2, 4),
            "Parallel(branches=(Flatten(ndim=2), Dense(units=3)), join='concatenate') joins along",
        ),
    ],
    ids=["residual", "repeat", "parallel sum", "parallel side by side"],
)
def test_combinators_look_at_what_they_are_given(
    call: Any, net: Layer, params: Any, x: Any, message: str
) -> None:
    """Without `init` or `out_shape` before: parameters may come from anywhere."""
    state = {name: ({}, {}) if name == "branches" else {} for name in params}
    inside = Serial(net)
    found = shape_complaint(lambda: call(inside, {"layers": (params,)}, {"layers": (state,)}, x))
    assert found.startswith(f"layers[0]: {message}")


WIDTH = "expects inputs of shape (…, 3), got (7, 4)"
AXES = [
    (BatchNorm(), shape(3), shape(ROWS, 4), WIDTH),
    (BatchNorm(), shape(3), shape(), "needs 1 feature axes, got shape ()"),
    (LayerNorm(), shape(3), shape(ROWS, 4), WIDTH),
    (LayerNorm(2), shape(2, 3), shape(7, 3, 2), "expects inputs of shape (…, 2, 3), got (7, 3, 2)"),
    (LayerNorm(2), shape(2, 3), shape(3), "needs 2 feature axes, got shape (3,)"),
    (RMSNorm(), shape(3), shape(ROWS, 4), WIDTH),
    (RMSNorm(2), shape(2, 3), shape(3), "needs 2 feature axes, got shape (3,)"),
    (GroupNorm(1, 1), shape(3), shape(ROWS, 4), WIDTH),
    (GroupNorm(3, 3), shape(5, 5, 3), shape(5, 3), "needs 3 feature axes, got shape (5, 3)"),
    (GroupNorm(3, 1), shape(3), shape(ROWS, 4), "needs a multiple of 3 channels on the last axis,"),
    (Flatten(3), shape(2, 3, 4), shape(ROWS, 2), "needs 3 feature axes, got shape (7, 2)"),
    (Softmax(), shape(3), shape(), "needs 1 feature axes, got shape ()"),
    (Dense(2), shape(3), shape(), "needs 1 feature axes, got shape ()"),
]


@pytest.mark.parametrize(("layer", "made_for", "x", "message"), AXES)
def test_wrong_axes(layer: Layer, made_for: Any, x: Any, message: str) -> None:
    net = Serial(layer)
    params, state = declared(net, made_for)
    found = shape_complaint(lambda: apply(net, params, state, x))
    assert found.startswith(f"layers[0]: {layer} {message}")
    if "feature axes" in message:
        assert "feature axes, got shape " in shape_complaint(lambda: net.out_shape(shape()))


@pytest.mark.parametrize(
    "layer",
    [
        Dense(2),
        Activation("relu"),
        Dropout(),
        BatchNorm(),
        LayerNorm(),
        RMSNorm(),
        GroupNorm(3, 1),
        Softmax(),
    ],
    ids=lambda layer: layer.kind,
)
def test_layers_take_one_array_of_floats(layer: Layer) -> None:
    net = Serial(layer)
    params, state = declared(net, shape(3))
    integers, pair = shape(3, dtype="int32"), {"a": shape(3)}
    for call in (
        net.out_shape,
        lambda x: declared(net, x),
        lambda x: apply(
            net, params, state, jax.tree.map(lambda x: shape(ROWS, 3, dtype=x.dtype), x)
        ),
    ):
        found = shape_complaint(lambda call=call: call(integers))
        assert found.startswith("layers[0]: ") and "floating-point inputs, got int32" in found
        found = shape_complaint(lambda call=call: call(pair))
        assert found == f"layers[0]: {layer} takes one array, got PyTreeDef({{'a': *}})"


def test_the_perceptrons_rule_names_the_layer() -> None:
    net = perceptron()
    params, _ = declared(net, shape(3))
    message = shape_complaint(
        lambda: jax.eval_shape(
            functools.partial(train_perceptron, net, epochs=2), params, shape(4, 2), shape(4, 1)
        )
    )
    assert message.startswith("net.layers[0]: Dense(") and message.endswith("(…, 3), got (2,)")


# Parameters and state


MIXED = Serial(Dense(4), Repeat(Serial(LayerNorm(), Dense(4)), 2), BatchNorm(), LayerNorm(1))
PARAMETERS = [
    ("layers[0].weight", (5, 4), "layers[0]"),
    ("layers[1].inner.layers[0].scale", (2, 5), "layers[1].inner.layers[0]"),
    ("layers[1].inner.layers[1].weight", (2, 5, 4), "layers[1].inner.layers[1]"),
    ("layers[2].scale", (5,), "layers[2]"),
    ("layers[3].scale", (3, 4), "layers[3]"),
    ("layers[0].weight", (3, 5), "layers[0]"),
    ("layers[0].weight", (3,), "layers[0]"),
    ("layers[0].bias", (5,), "layers[0]"),
    ("layers[0].bias", (ROWS, 4), "layers[0]"),
    ("layers[0].bias", (1,), "layers[0]"),
    ("layers[1].inner.layers[1].weight", (3, 4, 4), "layers[1]"),
    ("layers[1].inner.layers[1].bias", (4,), "layers[1]"),
    ("layers[2].shift", (5,), "layers[2]"),
    ("layers[3].shift", (5,), "layers[3]"),
    ("layers[3].shift", (1,), "layers[3]"),
]


@pytest.mark.parametrize(("path", "axes", "layer"), PARAMETERS)
def test_parameters_that_the_layer_did_not_make(path: str, axes: Any, layer: str) -> None:
    params, state = declared(MIXED, shape(3))
    wrong = exchange(params, path, *axes)
    message = shape_complaint(lambda: apply(MIXED, wrong, state, shape(ROWS, 3)))
    assert message.startswith(f"{layer}: ")


@pytest.mark.parametrize("train", [False, True])
def test_statistics_that_the_layer_did_not_make(train: bool) -> None:
    params, state = declared(MIXED, shape(3))
    wrong = exchange(state, "layers[2].mean", 5)
    run = functools.partial(apply, MIXED, params, wrong, shape(ROWS, 3), train=train)
    assert shape_complaint(run).startswith("layers[2]: ")


def test_a_layer_norm_of_two_axes_looks_at_both() -> None:
    params, state = declared(LayerNorm(), shape(4))
    message = shape_complaint(lambda: apply(LayerNorm(2), params, state, shape(ROWS, 3, 4)))
    assert "(4,)" in message


def test_parameters_of_another_network() -> None:
    """Fewer layers, and none at all."""
    params, state = declared(MIXED, shape(3))
    for wrong in ({"layers": params["layers"][:2]}, {}):
        shape_complaint(lambda wrong=wrong: apply(MIXED, wrong, state, shape(ROWS, 3)))


@pytest.mark.parametrize("params", [[], {"weight": {"inner": shape(4, 3)}}, shape(4, 3)])
def test_parameters_that_are_no_dictionary_of_arrays(params: Any) -> None:
    for layer, x in ((Embedding(4, 3), shape(ROWS, dtype="int32")), (Dense(3), shape(ROWS, 4))):
        message = shape_complaint(lambda layer=layer, x=x: apply(layer, params, {}, x))
        assert message.startswith(f"{layer} needs ")


def test_a_layer_of_ones_own_that_declares_nothing_is_not_checked() -> None:
    """Checks are what a layer declares: `TwoInputs` has no `param_shapes`."""
    params, state = declared(TwoInputs(2), {"a": shape(3), "b": shape(3)})
    x = {"a": shape(ROWS, 3), "b": shape(ROWS, 3)}
    assert apply(TwoInputs(2), {**params, "more": shape(1)}, state, x)[0].shape == (ROWS, 2)


def test_flatten_takes_one_array() -> None:
    net = Serial(Flatten(2))
    message = shape_complaint(lambda: net.out_shape({"a": shape(3, 4)}))
    assert message == "layers[0]: Flatten(ndim=2) takes one array, got PyTreeDef({'a': *})"


# Keys


@pytest.mark.parametrize(
    ("net", "path"),
    [
        (Serial(Dense(3), Dropout()), "layers[1]"),
        (Serial(Repeat(Residual(Dropout()), 2)), "layers[0].inner.inner"),
        (Residual(Dense(3), Serial(Dense(3), Dropout())), "shortcut.layers[1]"),
        (Parallel(Dense(3), Dropout()), "branches[1]"),
    ],
    ids=str,
)
def test_dropout_in_training_needs_a_key(net: Layer, path: str) -> None:
    params, state = declared(net, shape(3))
    x = shape(ROWS, 3)
    apply(net, params, state, x)
    apply(net, params, state, x, train=True, key=KEY)
    message = complaint(lambda: apply(net, params, state, x, train=True), KeyMissingError)
    assert message.startswith(f"{path}: Dropout() draws random numbers here: pass key=jax.random.")


@pytest.mark.parametrize("method", METHODS)
def test_both_gradients_ask_for_the_key(method: str) -> None:
    objective = Objective(Serial(Dense(3), Dropout()), "squared_error")
    params, state = declared(objective, shape(3))
    run = METHODS[method](objective)
    batch = Batch(shape(ROWS, 3), shape(ROWS, 3))
    message = complaint(lambda: jax.eval_shape(run, params, state, batch), KeyMissingError)
    assert message.startswith("net.layers[1]: Dropout() draws random numbers here")


@pytest.mark.parametrize("net", [Dropout(), Serial(Dense(3), Dropout())], ids=str)
@pytest.mark.parametrize(
    ("key", "said"),
    [
        (jax.random.split(jax.random.key(0), 5), "expected one key, got an array (5,) of them"),
        (jax.random.split(jax.random.PRNGKey(0)), "expected one key, got an array (2,) of them"),
        (jax.random.key(0)[None], "expected one key, got an array (1,) of them"),
        (np.array([0, 1], np.uint32), "expected a key as jax.random.key makes one, got array("),
    ],
    ids=["typed", "legacy", "one", "numpy"],
)
def test_a_layer_takes_one_key(net: Layer, key: Any, said: str) -> None:
    params, state = declared(net, shape(3))
    with pytest.raises(KeyMissingError, match=re.escape(said)):
        net.forward(params, state, np.ones((4, 3)), train=True, key=key)


def test_init_needs_a_key_where_it_draws() -> None:
    message = complaint(lambda: NET.init(None, shape(3)), KeyMissingError)
    assert message.startswith("layers[0]: Dense(units=4) draws random numbers here")
    assert Serial(Activation("relu"), BatchNorm()).init(None, shape(3))[0]["layers"][0] == {}


# Targets and their weights


PAIRED = [
    AbsoluteError(),
    BinaryCrossEntropy(),
    Huber(),
    ProbabilityBinaryCrossEntropy(),
    SquaredError(),
]
CLASSES = [CrossEntropy(), CrossEntropy(0.1), ProbabilityCrossEntropy()]


def measured(loss: Any, output: Any, target: Any) -> tuple[Any, Any]:
    return loss.per_example(output, target), loss.gradient(output, target)


@pytest.mark.parametrize("loss", PAIRED, ids=str)
@pytest.mark.parametrize(
    ("output", "target"),
    [((4, 1), (4,)), ((4, 1), (4, 1)), ((4, 3), (4, 3)), ((4, 2, 1), (4, 2)), ((1,), ())],
)
def test_targets_that_match_outputs(loss: Any, output: Any, target: Any) -> None:
    found = jax.eval_shape(functools.partial(measured, loss), shape(*output), shape(*target))
    assert [x.shape for x in found] == [output[:-1], output]


@pytest.mark.parametrize("loss", PAIRED, ids=str)
@pytest.mark.parametrize("target", [(4, 1), (4,), (3,), (3, 4), (4, 2), (1, 3), (1, 4, 3), ()])
def test_targets_that_would_have_to_be_broadcast(loss: Any, target: Any) -> None:
    for method in (loss.per_example, loss.gradient):
        for output in ((4, 3), (5, 1)):
            shapes = shape(*output), shape(*target)
            call = functools.partial(jax.eval_shape, method, *shapes)
            message = shape_complaint(call)
            assert message == f"the output has shape {output}, the target {target}"


def test_a_target_without_the_last_axis_means_the_same() -> None:
    output, target = jnp.array([[1.0], [3.0]]), np.array([2.0, 5.0])
    for a, b in zip(
        measured(SquaredError(), output, target),
        measured(SquaredError(), output, target[:, None]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("loss", CLASSES, ids=str)
@pytest.mark.parametrize(
    ("target", "dtype"),
    [((4, 2), "float32"), ((4, 1), "float32"), ((4,), "float32"), ((), "float32"), ((4, 2), "bool"),
     ((4, 1), "int32"), ((4, 3), "uint8"), ((3,), "int32"), ((), "int32")],
)  # fmt: skip
def test_classes_that_do_not_match_outputs(loss: Any, target: Any, dtype: str) -> None:
    if dtype in ("float32", "bool"):
        tail = f", the one-hot target {target}; class numbers must be integers"
    else:
        tail = f", so class numbers need shape (4,), got {target}"
    for method in (loss.per_example, loss.gradient):
        call = functools.partial(jax.eval_shape, method, shape(4, 3), shape(*target, dtype=dtype))
        assert shape_complaint(call) == f"the output has shape (4, 3){tail}"


@pytest.mark.parametrize("loss", CLASSES, ids=str)
@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8"])
def test_class_numbers_out_of_range_give_nan(loss: Any, dtype: str) -> None:
    """Never a silent zero, and no other row is touched."""
    target = np.array([0, 3, 2, -1 % 256 if dtype == "uint8" else -1, 100], dtype)
    output = jax.nn.softmax(np.arange(15.0).reshape(5, 3) % 7)
    losses, gradient = jax.jit(functools.partial(measured, loss))(output, target)
    bad = np.array([False, True, False, True, True])
    np.testing.assert_array_equal(np.isnan(losses), bad)
    np.testing.assert_array_equal(np.isnan(gradient).all(1), bad)
    np.testing.assert_array_equal(np.isnan(gradient).any(1), bad)


@pytest.mark.parametrize("method", METHODS)
def test_both_gradients_pass_on_a_class_out_of_range(method: str) -> None:
    objective = Objective(Dense(3), "cross_entropy", policy=Policy("float64"))
    params = {"weight": np.ones((2, 3)), "bias": np.zeros(3)}
    batch = Batch(np.ones((2, 2)), np.array([0, 3]), np.array([1.0, 1.0]))
    (value, aux), grads = jax.jit(METHODS[method](objective))(params, {}, batch)
    for leaf in jax.tree.leaves((value, aux.loss, grads)):
        assert np.isnan(leaf).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        (shape(4, 3), shape(4), "loss: the output has shape (4, 2), the target (4,)"),
        (shape(4, 3), shape(5, 2), "loss: the output has shape (4, 2), the target (5, 2)"),
        (
            shape(4, 5),
            shape(4, 2),
            "net: Dense(units=2) expects inputs of shape (…, 3), got (4, 5)",
        ),
        (
            shape(4, 3, dtype="uint8"),
            shape(4, 2),
            "net: Dense(units=2) expects floating-point inputs, got uint8",
        ),
    ],
)
def test_wrong_batches(method: str, x: Any, target: Any, message: str) -> None:
    objective = Objective(Dense(2), "squared_error")
    params, state = declared(objective, shape(3))
    run = jax.jit(METHODS[method](objective))
    assert shape_complaint(lambda: jax.eval_shape(run, params, state, Batch(x, target))) == message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight", [(5,), (1,), (4, 1), (4, 2), (4, 6), (6,), (4, 6, 1)])
def test_weights_of_examples_match_the_losses(method: str, weight: tuple[int, ...]) -> None:
    objective = Objective(Dense(2), "squared_error")
    params, state = declared(objective, shape(3))
    run = METHODS[method](objective)
    for rows in ((4,), (4, 6)):
        batch = Batch(shape(*rows, 3), shape(*rows, 2), shape(*weight))
        call = functools.partial(jax.eval_shape, run, params, state, batch)
        if weight == rows:
            call()
        else:
            message = f"the losses have shape {rows}, the weights {weight}"
            assert shape_complaint(call) == message


# Precision


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")  # of JAX 0.11 on
def test_float64_needs_x64() -> None:
    """float32 in silence would be worse."""
    objective = Objective(Dense(2), "squared_error", policy=Policy("float64"))
    params, state = declared(objective, shape(3, dtype="float64"))
    batch = Batch(shape(4, 3), shape(4, 2))
    with jax.enable_x64(False):
        for run in (
            lambda: declared(objective, shape(3)),
            lambda: jax.eval_shape(objective.predict, params, state, batch.x),
            lambda: jax.eval_shape(objective.value, params, state, batch),
            lambda: jax.eval_shape(METHODS["manual"](objective), params, state, batch),
            lambda: jax.eval_shape(METHODS["automatic"](objective), params, state, batch),
        ):
            assert "float64 needs jax.config.update('jax_enable_x64', True)" in complaint(run)
    jax.eval_shape(objective.value, params, state, batch)


@pytest.mark.parametrize(
    ("key", "in_shape", "hint", "kind"),
    [
        (KEY, (4,), "write fnn.shape(4), not (4,)", ShapeError),
        (KEY, 4, "write fnn.shape(4), not 4", ShapeError),
        (0, shape(4), "write jax.random.key(0), not 0", KeyMissingError),
    ],
)
def test_what_people_write_first_is_answered_with_what_to_write(key, in_shape, hint, kind) -> None:
    message = complaint(lambda: Serial(Dense(3)).init(key, in_shape), kind)
    assert message.startswith("layers[0]: ")
    assert message.endswith(hint)
