"""`torch.autograd.gradcheck`, slow and fast, of the same compiled programs through NumPy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd.gradcheck import GradcheckError, gradcheck

from experiments.peers.checkers.gradient_cases import Array, GradientCase, Programs
from experiments.peers.checkers.outcomes import Answer, Outcome, layers_of, shortened

NAMED = re.compile(r"with respect to input (\d+)")


class Value(torch.autograd.Function):
    """The objective's value as a function of the leaves, with the claimed gradient."""

    @staticmethod
    def forward(ctx: Any, programs: Programs, *leaves: Any) -> Any:
        ctx.programs = programs
        ctx.save_for_backward(*leaves)
        return torch.from_numpy(np.array(programs.value(_arrays(leaves))))

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        gradient = ctx.programs.gradient(_arrays(ctx.saved_tensors))
        return None, *(cotangent * torch.from_numpy(np.array(leaf)) for leaf in gradient)


def slow(claim: GradientCase, programs: Programs) -> Answer:
    """`gradcheck(f, inputs)`: every element of the Jacobian."""
    return _checked(programs, fast_mode=False)


def fast(claim: GradientCase, programs: Programs) -> Answer:
    """`gradcheck(f, inputs, fast_mode=True)`: one random direction for each leaf."""
    return _checked(programs, fast_mode=True)


def _checked(programs: Programs, *, fast_mode: bool) -> Answer:
    inputs = [torch.tensor(leaf, requires_grad=True) for leaf in programs.leaves]
    try:
        gradcheck(lambda *leaves: Value.apply(programs, *leaves), inputs, fast_mode=fast_mode)
    except GradcheckError as error:
        named = NAMED.search(str(error))
        layers = () if named is None else layers_of(programs.paths[int(named[1])])
        return Answer(Outcome.OBJECTS, shortened(error), layers)
    return Answer(Outcome.PASSES)


def _arrays(leaves: Sequence[Any]) -> list[Array]:
    return [leaf.detach().numpy() for leaf in leaves]
