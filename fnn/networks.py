"""Named networks, built from layers and combinators."""

from __future__ import annotations

from collections.abc import Sequence

from fnn.activations import SELU, Elementwise, Identity, Sigmoid, Softplus, Step, Tanh
from fnn.combinators import Repeat, Residual, Serial
from fnn.initializers import Glorot, He, Initializer, LeCun, Normal, Zeros
from fnn.layer import Layer
from fnn.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from fnn.spec import error_path, from_name

_GLOROT = (Step, Identity, Sigmoid, Tanh, Softplus)


def mlp(
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: str | Elementwise = "relu",
    dropout: float | None = None,
    batch_norm: bool = False,
    weight_init: Initializer | None = None,
) -> Serial:
    """A multilayer perceptron: Dense, (BatchNorm,) activation, (Dropout), …, and a last Dense.

    It ends in logits. `weight_init=None` takes the initializer that suits the activation: He for
    the ReLU family, Glorot for sigmoid and tanh, LeCun for SELU; the last layer takes Glorot.
    In front of BatchNorm, which takes away any mean, Dense has no bias.

    >>> mlp([128, 64], 10, dropout=0.2).layers[0]
    Dense(units=128, weight_init=He())
    """
    layers: list[Layer] = []
    function = _function(activation)
    init = weight_init or _suitable(function)
    bias = None if batch_norm else Zeros()
    for index, units in enumerate(hidden):
        with error_path(f"hidden[{index}]"):
            layers.append(Dense(units, weight_init=init, bias_init=bias))
        if batch_norm:
            layers.append(BatchNorm())
        layers.append(Activation(function))
        if dropout is not None:
            layers.append(Dropout(dropout))
    return Serial(*layers, Dense(outputs, weight_init=weight_init or Glorot()))


def residual_mlp(
    width: int,
    blocks: int,
    outputs: int,
    *,
    activation: str | Elementwise = "relu",
    dropout: float | None = None,
) -> Serial:
    """Dense to `width`, then `blocks` pre-normalized residual blocks as one scan, then Dense.

    A block is x + Dense(f(Dense(LayerNorm(x)))) (He et al. 2016b, "identity mappings", with
    LayerNorm), so depth costs no compile time.
    """
    function = _function(activation)
    first = Dense(width, weight_init=_suitable(function))
    drop = [] if dropout is None else [Dropout(dropout)]
    block = Serial(LayerNorm(), first, Activation(function), *drop, Dense(width))
    return Serial(Dense(width), Repeat(Residual(block), blocks), LayerNorm(), Dense(outputs))


def perceptron(units: int = 1) -> Serial:
    """Rosenblatt's perceptron (1958): a weighted sum and a step at 0.

    Its gradient is zero everywhere; `experiments/perceptron.py` trains it by Rosenblatt's rule.
    """
    return Serial(Dense(units, weight_init=Normal()), Activation("step"))


def _function(activation: str | Elementwise) -> Elementwise:
    with error_path("activation"):
        function: Elementwise = (
            from_name(activation, Elementwise) if isinstance(activation, str) else activation
        )
        return function


def _suitable(function: Elementwise) -> Initializer:
    if isinstance(function, SELU):
        return LeCun()
    return Glorot() if isinstance(function, _GLOROT) else He()
