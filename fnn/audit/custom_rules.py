"""Every `jax.custom_vjp` and `jax.custom_jvp` inside a function, each audited by itself.

A wrong rule makes the automatic gradient of the whole function wrong too, so that only differences
of the function without its rule can tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import jax

from fnn.audit.claims import Args, Function, finished, in_dtype, output_rows, precision
from fnn.audit.custom_calls import CustomCall, custom_calls
from fnn.audit.problem.vectors import Vectors
from fnn.audit.records import LeafRow
from fnn.audit.result import Audit
from fnn.audit.settings import Settings
from fnn.layer import PyTree
from fnn.spec import FnnError

CALLS = 3
"""of the calls that one place in the function makes: the first, the last, and between them"""


def audit_rules(f: Function, args: Args, settings: Settings) -> Audit:
    """The audit of `fnn.audit_custom_rules`, whose options have been checked."""
    start = time.perf_counter()
    with precision(args, settings):
        args = in_dtype(args, settings)
        try:
            calls = custom_calls(f, args)
        except Exception as error:
            words = f"{type(error).__name__}: {error}".splitlines()[0]
            raise FnnError(f"JAX can't trace it ({words})", "f") from error
        if not calls:
            raise FnnError(
                "calls no function with a custom_vjp or custom_jvp at these arguments", "f"
            )
        rows: list[LeafRow] = []
        for call in _chosen(calls):
            values = {f"args[{i}]": value for i, value in enumerate(call.values)}
            vectors = Vectors(
                _by_name(call.body()), _pulled(call.with_rule()), (values,), call.rule
            )
            rows += [replace(row, path=_path(call, row)) for row in output_rows(vectors, settings)]
        return finished(vectors, rows, (), settings, start)


def _path(call: CustomCall, row: LeafRow) -> str:
    """Such as `softclip step 3: d / d args[0]`."""
    return f"{call.name} {call.step}".strip() + f": {row.path}".replace("d output /", "d /")


def _chosen(calls: list[CustomCall]) -> list[CustomCall]:
    """Some of the calls from each place in the function, in the order of the first."""
    places: dict[int, list[CustomCall]] = {}
    for call in calls:
        places.setdefault(id(call.equation), []).append(call)
    chosen = []
    for group in places.values():
        last = len(group) - 1
        picks = sorted({round(i * last / (CALLS - 1)) for i in range(CALLS)})
        chosen += [group[pick] for pick in picks]
    return chosen


def _by_name(run: Callable[..., list[jax.Array]]) -> Callable[[PyTree], PyTree]:
    def named(values: PyTree) -> PyTree:
        results = run(*(values[f"args[{i}]"] for i in range(len(values))))
        if len(results) == 1:
            return results[0]
        return {f"output[{i}]": leaf for i, leaf in enumerate(results)}

    return named


def _pulled(run: Callable[..., list[jax.Array]]) -> Callable[[PyTree, PyTree], PyTree]:
    """The vector-Jacobian product that the rule gives."""
    named = _by_name(run)
    return jax.jit(lambda values, u: jax.vjp(named, values)[1](u)[0])
