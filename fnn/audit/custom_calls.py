"""The functions with rules of their own inside a traced function, and the values they receive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.extend import core

from fnn.layer import PyTree

RULES = ("custom_vjp_call", "custom_jvp_call")


@dataclass(frozen=True)
class CustomCall:
    """One call of a function that has a rule of its own."""

    equation: PyTree
    values: tuple[jax.Array, ...]
    step: str
    """where in loops: `step 3`; "" outside"""

    @property
    def name(self) -> str:
        """The function's name, without the file it stands in."""
        info = self.equation.params["call_jaxpr"].jaxpr.debug_info
        return str(info.func_src_info or "function").split(" at ")[0]

    @property
    def rule(self) -> str:
        """`custom_vjp` or `custom_jvp`."""
        return str(self.equation.primitive.name).removesuffix("_call")

    def body(self) -> Callable[..., list[jax.Array]]:
        """The function itself, without its rule."""
        run: Callable[..., list[jax.Array]] = core.jaxpr_as_fun(self.equation.params["call_jaxpr"])
        return run

    def with_rule(self) -> Callable[..., list[jax.Array]]:
        """The function with its rule."""
        return _as_function(self.equation)


def custom_calls(f: Callable[..., PyTree], args: tuple[PyTree, ...]) -> list[CustomCall]:
    """Every call that `f(*args)` makes, in order, also inside `jit`, `scan`, `cond` and `while`."""
    closed = jax.make_jaxpr(f)(*args)
    calls: list[CustomCall] = []
    _Walk(calls).run(closed, jax.tree.leaves(args), "")
    return calls


@dataclass(frozen=True)
class _Walk:
    """Evaluates a jaxpr operation by operation, and writes down the calls."""

    calls: list[CustomCall]

    def run(self, closed: PyTree, args: PyTree, step: str) -> list[jax.Array]:
        jaxpr = closed.jaxpr
        known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
        known |= dict(zip(jaxpr.invars, map(jnp.asarray, args), strict=True))

        def read(variable: PyTree) -> jax.Array:
            literal = isinstance(variable, core.Literal)
            value: jax.Array = jnp.asarray(variable.val) if literal else known[variable]
            return value.astype(variable.aval.dtype) if literal else value

        for equation in jaxpr.eqns:
            values = [read(variable) for variable in equation.invars]
            known |= dict(zip(equation.outvars, self._apply(equation, values, step), strict=True))
        return [read(variable) for variable in jaxpr.outvars]

    def _apply(self, equation: PyTree, values: list[jax.Array], step: str) -> list[jax.Array]:
        name, params = equation.primitive.name, equation.params
        if name in RULES:
            self.calls.append(CustomCall(equation, tuple(values), step))
            return self.run(params["call_jaxpr"], values, step)
        if params.get("length") == 0 or not any(map(_holds_rule, _inner(params))):
            return _as_function(equation)(*values)
        if name == "scan":
            return self._scan(params, values, step)
        if name == "cond":
            index = int(jnp.clip(values[0], 0, len(params["branches"]) - 1))
            return self.run(params["branches"][index], values[1:], step)
        if name == "while":
            return self._while(params, values, step)
        (inner, *others) = _inner(params)
        if others or len(inner.jaxpr.invars) != len(values):
            return _as_function(equation)(*values)
        return self.run(inner, values, step)

    def _scan(self, params: PyTree, values: list[jax.Array], step: str) -> list[jax.Array]:
        consts, carried = params["num_consts"], params["num_carry"]
        fixed, carry = values[:consts], values[consts : consts + carried]
        rows = values[consts + carried :]
        times = list(range(params["length"]))
        results = {}
        for time in reversed(times) if params["reverse"] else times:
            row = [leaf[time] for leaf in rows]
            output = self.run(
                params["jaxpr"], [*fixed, *carry, *row], f"{step} step {time}".strip()
            )
            carry, results[time] = output[:carried], output[carried:]
        stacked = [jnp.stack(column) for column in zip(*(results[t] for t in times), strict=True)]
        return [*carry, *stacked]

    def _while(self, params: PyTree, values: list[jax.Array], step: str) -> list[jax.Array]:
        first, second = params["cond_nconsts"], params["body_nconsts"]
        constants, fixed = values[:first], values[first : first + second]
        carry, time = values[first + second :], 0
        while bool(self.run(params["cond_jaxpr"], [*constants, *carry], step)[0]):
            carry = self.run(params["body_jaxpr"], [*fixed, *carry], f"{step} step {time}".strip())
            time += 1
        return carry


def _inner(params: PyTree) -> Iterator[PyTree]:
    """The jaxprs among an operation's parameters, closed."""
    for value in params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(part, core.ClosedJaxpr):
                yield part
            elif isinstance(part, core.Jaxpr) and not part.constvars:
                yield core.ClosedJaxpr(part, ())


def _holds_rule(closed: PyTree) -> bool:
    return any(
        equation.primitive.name in RULES or any(map(_holds_rule, _inner(equation.params)))
        for equation in closed.jaxpr.eqns
    )


def _as_function(equation: PyTree) -> Callable[..., list[jax.Array]]:
    """One operation as a function of its operands, each of which is a variable of its own."""
    operands = [core.Var(variable.aval) for variable in equation.invars]
    results = [core.Var(variable.aval) for variable in equation.outvars]
    alone = equation.replace(invars=operands, outvars=results)
    info = core.DebugInfo("jit", str(equation.primitive.name), None, None)
    jaxpr = core.Jaxpr((), operands, results, [alone], equation.effects, info)
    run: Callable[..., list[jax.Array]] = core.jaxpr_as_fun(core.ClosedJaxpr(jaxpr, ()))
    return run
