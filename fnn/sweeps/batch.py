"""Members of one structure in training: as many as fit, advanced together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import jax
import numpy as np

from fnn.sweeps.axes import Member
from fnn.sweeps.member_result import MemberResult, best_of, member_results, with_params
from fnn.sweeps.program import (
    MemberSnapshot,
    Program,
    SweepData,
    member_snapshot,
    shares_order,
    stack,
    take_members,
)
from fnn.training.host.history import History, columns
from fnn.training.parallel.sharding import replicate_result, round_up_to_devices, to_host
from fnn.training.program.epoch import Plan
from fnn.training.program.state import RunState

COMPACTIONS = 10
"""times in a run that members who have ended may give way"""
COMPILING = 4.0
"""seconds that a smaller program costs"""
RATE = {"cpu": 2e10}
"""operations a second that small networks reach, about"""
FAST = 2e12
"""on any other platform"""


class BatchState(NamedTuple):
    """All that a batch needs to resume.

    step: done by all that have not ended.
    spent: epochs of all places so far.
    places: the number of the member at each place; -1 where it is empty.
    history: columns (M, epochs), NaN where a member has not come so far.
    ended: what is known of members that have ended, each at its number.
    """

    step: int
    spent: int
    places: np.ndarray
    states: RunState
    history: History
    ended: MemberSnapshot | None


class MemberBatch:
    """Members of one structure, from their first step to their last.

    `size` places, of which the last are empty (they repeat a member, in vain) where
    there are fewer members; on a mesh as many as its devices can share. Members end when
    their patience is over or their loss is no longer finite. Where half of the places are empty,
    and what is saved outweighs compiling a smaller program, the others move to one of half the
    size. That is decided after every tenth of the epochs, by counts alone, so that a sweep that was
    interrupted decides as one that was not.
    """

    def __init__(
        self,
        members: Sequence[Member],
        data: SweepData,
        epochs: int,
        size: int,
        saved: BatchState | None = None,
    ) -> None:
        self.members, self.data, self.epochs, self.mesh = members, data, epochs, data.mesh
        self.plan = Plan.of(members[0].run, data.rows.target.shape[0])
        self.steps = epochs * self.plan.steps
        self.stride = -(-epochs // COMPACTIONS)
        self.shared_order = shares_order(members)
        self.segment_steps, self.examples = 1, 0.0
        numbers = np.arange(round_up_to_devices(size, self.mesh))
        self._resume(saved or self._start(np.where(numbers < len(members), numbers, -1)))

    def _resume(self, saved: BatchState) -> None:
        """Continue from there."""
        self.step, self.spent, self.places, self.states, self.history, self.ended = saved
        self.runs = stack([self.members[slot].run for slot in self.places])
        self.program = Program(self.data, len(self.places), self.shared_order)
        self.states = self.program.put(self.states)

    def _start(self, places: np.ndarray) -> BatchState:
        """Before the first step; an empty place (-1) holds the last member again."""
        filled = [self.members[slot] for slot in places]
        states = Program(self.data, len(places), self.shared_order).start(
            stack([member.run for member in filled]),
            np.array([member.seed for member in filled], np.uint32),
            np.array([member.order_seed for member in filled], np.uint32),
        )
        return BatchState(0, 0, places, states, {}, None)

    def saved(self) -> BatchState:
        """The state of the batch."""
        states = replicate_result(self.states, self.mesh)
        return BatchState(self.step, self.spent, self.places, states, self.history, self.ended)

    @property
    def done(self) -> bool:
        """Whether all its members have ended."""
        return self.step == self.steps or not (self.places >= 0).any()

    @property
    def epoch(self) -> int:
        """Epochs that have ended."""
        return self.step // self.plan.steps

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return self.plan.steps

    def furthest(self) -> int:
        """The step that the next call may go to at most: to where members may give way."""
        compaction = (self.epoch // self.stride + 1) * self.stride
        epochs = min(compaction, self.epoch + self.program.capacity, self.epochs)
        return epochs * self.plan.steps

    def advance(self, stop: int) -> None:
        """One call of the compiled program, to that step."""
        start, first = self.step, self.epoch
        self.step = stop
        self.states, metrics = self.program.advance(self.runs, self.states, start, stop)
        ended = self.epoch - first
        history = columns(to_host(metrics, self.mesh))
        self._record({name: values[:, :ended] for name, values in history.items()}, first)
        self.spent += ended * len(self.places)
        self.examples += (stop - start) / self.plan.steps * self.plan.rows * len(self.places)
        if stop % (self.stride * self.plan.steps) == 0 and not self.done:
            self._compact()

    def _record(self, history: History, first: int) -> None:
        """Add some epochs, from that one on, to the history of the members that are here."""
        here = self.places >= 0
        for name, values in history.items():
            if name not in self.history:
                shape = (len(self.members), self.epochs)
                self.history[name] = np.full(shape, np.nan, values.dtype)
            last = first + values.shape[1]
            self.history[name][self.places[here], first:last] = values[here]

    def _compact(self) -> None:
        """Drop members that have ended, if that is worth a smaller program."""
        size = len(self.places)
        active = to_host(self.states.active, self.mesh) & (self.places >= 0)
        smaller = size
        while active.sum() <= smaller // 2 and self._half(smaller) < smaller:
            smaller = self._half(smaller)
        if smaller == size or not self._pays(size - smaller, self.epochs):
            return
        self._keep_snapshots((self.places >= 0) & ~active)
        stay = np.flatnonzero(active)
        self.places = np.where(active, self.places, -1)
        self._move(np.concatenate([stay, np.flatnonzero(~active)])[:smaller])

    def _half(self, size: int) -> int:
        return round_up_to_devices(-(-size // 2), self.mesh)

    def retire(self, numbers: Collection[int], until: int) -> None:
        """End members at their present epoch, and move the others to a program of their own size.

        They move if that outweighs compiling it before epoch `until`, when others may retire;
        else the places of the retired stay empty.
        """
        retired = np.isin(self.places, [*numbers])
        self._keep_snapshots(retired)
        self.places = np.where(retired, -1, self.places)
        smaller = round_up_to_devices(int((self.places >= 0).sum()), self.mesh)
        if smaller < len(self.places) and self._pays(len(self.places) - smaller, until):
            self._move(np.argsort(self.places < 0, stable=True)[:smaller])

    def _move(self, index: np.ndarray) -> None:
        """Continue with these places alone."""
        self.places = self.places[index]
        self.runs, self.states = take_members(self.runs, self.states, index, self.mesh)
        self.program = Program(self.data, len(index), self.shared_order)

    def _pays(self, places: int, until: int) -> bool:
        """Whether dropping so many places until that epoch saves more than compiling costs."""
        if not (self.places >= 0).any():
            return False
        size = sum(leaf.size for leaf in jax.tree.leaves(self.states.params)) / len(self.places)
        operations = 6.0 * size * self.plan.rows * (until - self.epoch) * places
        return operations / RATE.get(jax.default_backend(), FAST) > COMPILING

    def _keep_snapshots(self, slots: np.ndarray) -> None:
        """Keep the snapshots of the members at these places, which end."""
        snapshot = to_host(member_snapshot(self.runs, self.states), self.mesh)
        if self.ended is None:
            shape = len(self.members)
            self.ended = jax.tree.map(
                lambda leaf: np.zeros((shape, *leaf.shape[1:]), leaf.dtype), snapshot
            )
        numbers = self.places[slots]
        for kept, leaf in zip(jax.tree.leaves(self.ended), jax.tree.leaves(snapshot), strict=True):
            kept[numbers] = leaf[slots]

    def outcomes(
        self, numbers: Sequence[int], metric: str = "", keep: int | None = None
    ) -> list[MemberResult]:
        """The results of the members, ended or interrupted, in order, under these numbers.

        The best `keep` by that metric have their parameters; None: all.
        """
        self._keep_snapshots(self.places >= 0)
        assert self.ended is not None
        outcomes = member_results(
            self.members, numbers, self.ended, self.history, self.epochs, self.epoch
        )
        return with_params(outcomes, self.ended, best_of(outcomes, metric, keep))
