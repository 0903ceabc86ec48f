"""The rules: SGD, Adam, AdamW, RMSprop, AdaGrad, Lion."""

from __future__ import annotations

import optax

from fnn.optimizers.optimizer import Rule
from fnn.optimizers.transformations import scale_by_centered_rms
from fnn.schedules import Schedule
from fnn.spec import SpecError, abstract_spec, number, spec, static


@spec("sgd.v1")
class SGD(Rule):
    """Direction g; with momentum μ the velocity v ← μv + g, or with Nesterov's g + μv.

    Sources: Polyak 1964; Sutskever et al. 2013 (Nesterov). PyTorch's SGD without dampening. Keras
    puts the learning rate into the velocity, which differs once the rate changes.
    """

    learning_rate: float | Schedule = number(default=0.01, low=0)
    momentum: float | None = number(default=None, low=0, high=1)
    nesterov: bool = static(default=False)

    def check(self) -> None:
        if self.nesterov and self.momentum is None:
            raise SpecError("expected a momentum beside it, got momentum=None", "nesterov")

    def direction(self) -> optax.GradientTransformation:
        if self.momentum is None:
            return optax.identity()
        return optax.trace(self.momentum, self.nesterov)


@abstract_spec
class _Adam(Rule):
    learning_rate: float | Schedule = number(default=0.001, low=0)
    b1: float = number(default=0.9, low=0, below=1)
    b2: float = number(default=0.999, low=0, below=1)
    eps: float = number(default=1e-8, low=0)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(self.b1, self.b2, self.eps)


@spec("adam.v1")
class Adam(_Adam):
    """m ← b1·m + (1 - b1)·g, v ← b2·v + (1 - b2)·g²; direction m̂ / (√v̂ + eps), where
    m̂ = m / (1 - b1^t) and v̂ = v / (1 - b2^t) at the update t = 1, 2, …

    Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1. As PyTorch and Optax, which share
    these defaults; Keras's eps is 1e-7 and stands beside an uncorrected √v.
    """


@spec("adamw.v1")
class AdamW(_Adam):
    """`Adam` with decoupled weight decay on by default.

    Source: Loshchilov & Hutter 2019 (arXiv:1711.05101). The default 0.01 is PyTorch's; Optax has
    1e-4, Keras 0.004, and all three decay biases as well.
    """

    weight_decay: float | None = number(default=0.01, low=0, kw_only=True)


@spec("rmsprop.v1")
class RMSprop(Rule):
    """v ← decay·v + (1 - decay)·g²; direction g / (√v + eps).

    With `centered`, v - m² in place of v, where m averages g as v does g² (Graves 2013,
    arXiv:1308.0850): it goes to 0 under a constant gradient, and steps grow until eps holds them.
    It is kept as such: the difference of two averages would round to below 0 there.
    With `momentum` μ the direction is the velocity u ← μu + g / (√v + eps).

    Source: Hinton 2012, Coursera lecture 6e. PyTorch's, whose decay (alpha) is 0.99 and whose
    learning rate is 0.01. Keras and Optax put eps inside the root (eps 1e-7 and 1e-8) and the
    learning rate into the velocity.
    """

    learning_rate: float | Schedule = number(default=0.001, low=0)
    decay: float = number(default=0.9, low=0, below=1)
    eps: float = number(default=1e-8, low=0)
    momentum: float | None = number(default=None, low=0, high=1)
    centered: bool = static(default=False)

    def direction(self) -> optax.GradientTransformation:
        if self.centered:
            scaled = scale_by_centered_rms(self.decay, self.eps)
        else:
            scaled = optax.scale_by_rms(self.decay, self.eps, eps_in_sqrt=False)
        return scaled if self.momentum is None else optax.chain(scaled, optax.trace(self.momentum))


@spec("adagrad.v1")
class AdaGrad(Rule):
    """s ← s + g², from s = `initial_accumulator`; direction g / √(s + eps).

    Source: Duchi et al. 2011 (JMLR 12). As Optax and Keras (whose learning rate is 0.001).
    PyTorch starts at s = 0 and divides by √s + eps with eps = 1e-10.
    """

    learning_rate: float | Schedule = number(default=0.01, low=0)
    initial_accumulator: float = number(default=0.1, low=0)
    eps: float = number(default=1e-7, low=0)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rss(self.initial_accumulator, self.eps)


@spec("lion.v1")
class Lion(Rule):
    """Direction sign(b1·m + (1 - b1)·g), then m ← b2·m + (1 - b2)·g.

    Source: Chen et al. 2023 (arXiv:2302.06675), algorithm 2. As Optax, whose weight decay is 1e-3
    by default where here it is off; Keras's learning rate is 0.001; PyTorch has none.
    """

    learning_rate: float | Schedule = number(default=1e-4, low=0)
    b1: float = number(default=0.9, low=0, below=1)
    b2: float = number(default=0.99, low=0, below=1)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_lion(self.b1, self.b2)


def examples() -> tuple[Rule, ...]:
    """Cases that tests and audits are derived from."""
    return (
        SGD(0.1),
        SGD(0.1, momentum=0.9, nesterov=True, clip_norm=1.0),
        Adam(0.01, clip_value=1.0),
        AdamW(0.01),
        RMSprop(0.01),
        AdaGrad(0.01),
        Lion(0.01, weight_decay=0.1),
    )
