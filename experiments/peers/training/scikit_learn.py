"""scikit-learn's MLPClassifier: `partial_fit` is an epoch; for batches of all rows, `fit` is all.

Its penalty is switched off. Its Adam adds epsilon before the bias correction.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from experiments.peers.training.workloads import Float, Params, Workload


class Scikit:
    """A `fit` that is as long as asked for says that it has not converged."""

    def __init__(self, work: Workload) -> None:
        self.work, self.rows, self.test = work, work.train(), work.test()
        self.classes = np.arange(max(work.sizes[-1], 2))
        self.model = MLPClassifier(
            work.sizes[1:-1],
            activation=work.activation,
            solver=work.optimizer,
            alpha=0,
            batch_size=min(work.batch, work.rows),
            learning_rate_init=work.rate,
            shuffle=not work.whole,
            momentum=0,
            nesterovs_momentum=False,
            warm_start=work.whole,
            tol=0,
            random_state=np.random.RandomState(0),  # a number would shuffle alike each time
        )

    def load(self, params: Params) -> None:
        if not hasattr(self.model, "coefs_"):
            some = slice(None if self.work.whole else 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # fewer rows than a batch
                self.model.partial_fit(
                    self.rows.x[some], self.rows.target[some], classes=self.classes
                )
        for number, (weight, bias) in enumerate(params):
            self.model.coefs_[number][:] = weight
            self.model.intercepts_[number][:] = bias
        vars(self.model).pop("_optimizer", None)

    def params(self) -> Params:
        return [
            (weight.copy(), bias.copy())
            for weight, bias in zip(self.model.coefs_, self.model.intercepts_, strict=True)
        ]

    def train(self, epochs: int) -> float:
        model, (x, target) = self.model, self.rows
        if self.work.whole:
            model.set_params(max_iter=epochs, n_iter_no_change=epochs + 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(x, target)
        else:
            for _ in range(epochs):
                model.partial_fit(x, target, classes=self.classes)
        return float(model.loss_)

    def evaluate(self) -> float:
        chances = self.model.predict_proba(self.test.x)
        return float(log_loss(self.test.target, chances, labels=self.classes))

    def predict(self, x: Float) -> Float:
        result: Float = self.model.predict_proba(x)
        return result
