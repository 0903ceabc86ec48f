"""A layer and a way around it."""

from __future__ import annotations

from fnn.combinators.serial import Serial
from fnn.combinators.trees import add, check_same
from fnn.layer import Child, Example, Forward, Grads, Key, Layer, Params, PyTree, State, Tape, fold
from fnn.layers import Activation, Dense
from fnn.shapes import shape
from fnn.spec import error_path, part, spec


@spec("residual.v1")
class Residual(Layer):
    """y = shortcut(x) + inner(x), the shortcut being x itself, or a layer of its own.

    dx = dx of the shortcut + dx of the inner layer. He et al. 2016. `inner` must keep the shape
    (`ShapeError`), or the shortcut must have its output's, e.g. `Dense(units, bias_init=None)`.
    """

    inner: Layer = part()
    shortcut: Layer | None = part(default=None)

    def out_shape(self, in_shape: PyTree) -> PyTree:
        with error_path("inner"):
            inner = self.inner.out_shape(in_shape)
        with error_path("shortcut"):
            shortcut = in_shape if self.shortcut is None else self.shortcut.out_shape(in_shape)
        check_same(self, "its shortcut gives", shortcut, "its inner layer", inner)
        return inner

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        self.out_shape(in_shape)
        params, states = {}, {}
        for index, (name, layer) in enumerate(self._branches().items()):
            with error_path(name):
                params[name], states[name] = layer.init(fold(key, index), in_shape)
        return params, states

    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        outputs, states, tapes = {"shortcut": x}, {}, {}
        for index, (name, layer) in enumerate(self._branches().items()):
            with error_path(name):
                outputs[name], states[name], tapes[name] = layer.forward(
                    params[name], state[name], x, train=train, key=fold(key, index)
                )
        y, around = outputs["inner"], outputs["shortcut"]
        check_same(self, "its shortcut gives", around, "its inner layer", y)
        return add(around, y), states, tapes

    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        inputs, grads = {"shortcut": dy}, {}
        for name, layer in self._branches().items():
            inputs[name], grads[name] = layer.backward(params[name], tape[name], dy)
        return add(inputs["shortcut"], inputs["inner"]), grads

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        return tuple(Child(name, layer, in_shape) for name, layer in self._branches().items())

    def _branches(self) -> dict[str, Layer]:
        """The layers by name; without a shortcut of its own the input goes around `inner`."""
        shortcut = {} if self.shortcut is None else {"shortcut": self.shortcut}
        return {"inner": self.inner, **shortcut}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("residual", Residual(Serial(Dense(5), Activation("tanh"))), shape(5)),
        Example(
            "residual with a shortcut",
            Residual(Serial(Dense(3), Activation("silu")), Dense(3, bias_init=None)),
            shape(5),
        ),
    )
