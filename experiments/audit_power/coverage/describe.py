"""A network in words, on one line."""

from __future__ import annotations

from fnn.combinators import Ensemble, Parallel, Repeat, Residual, Serial
from fnn.layer import Layer
from fnn.layers import Activation, Dense


def describe(layer: Layer) -> str:
    """A layer and all inside it: `dense 4 → residual(relu)`, `sum(…, …)`, `3 × (…)`.

    >>> from fnn.layers import BatchNorm
    >>> in_words(Serial(Dense(4), Residual(Serial(BatchNorm(), Activation("relu")))))
    'dense 4 → residual(batch_norm → relu)'
    """
    match layer:
        case Serial(layers=layers):
            return " → ".join(map(describe, layers)) or "nothing"
        case Residual(inner=inner, shortcut=shortcut):
            around = "" if shortcut is None else f", {describe(shortcut)}"
            return f"residual({describe(inner)}{around})"
        case Parallel(branches=branches, join=join):
            return f"{join}({', '.join(map(describe, branches))})"
        case Repeat(inner=inner, times=times, tied=tied):
            return f"{times} × {'tied ' if tied else ''}({describe(inner)})"
        case Ensemble(inner=inner, members=members, average=average):
            return f"{average} of {members} ({describe(inner)})"
        case Dense(units=units, bias_init=bias):
            return f"dense {units}" + ("" if bias is not None else " without bias")
        case Activation(function=function):
            return kind_name(function)
    return kind_name(layer)


def kind_name(spec: object) -> str:
    """A spec's kind without its version."""
    kind: str = spec.kind  # type: ignore[attr-defined]
    return kind.split(".")[0]
