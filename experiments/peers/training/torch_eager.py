"""PyTorch: modules, `torch.optim`, and batches taken from tensors by `torch.randperm`.

A `DataLoader` would fetch row by row. The optimizer is the fused one. `torch.compile` takes the
modules and the loss together: that, and the fused step as it is, was its fastest way. Losses are
added up as a tensor, and asked for when an epoch is over.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from experiments.peers.training.workloads import Float, Params, Rows, Workload

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Torch:
    """Eager."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.x, self.target = self._tensors(work.train())
        self.test = self._tensors(work.test())
        self.layers = [nn.Linear(*pair) for pair in itertools.pairwise(work.sizes)]
        parts: list[nn.Module] = []
        for layer in self.layers:
            parts += [layer, nn.ReLU() if work.activation == "relu" else nn.Tanh()]
            if work.dropout is not None:
                parts.append(nn.Dropout(work.dropout))
        del parts[parts.index(self.layers[-1]) + 1 :]
        self.model: Any = nn.Sequential(*parts).to(DEVICE)
        maker = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
        self.optimizer = maker(self.model.parameters(), lr=work.rate, fused=True)
        self.criterion = (
            functional.binary_cross_entropy_with_logits
            if work.sizes[-1] == 1
            else functional.cross_entropy
        )
        self.loss: Any = lambda x, target: self.criterion(self.model(x), target)

    def load(self, params: Params) -> None:
        with torch.no_grad():
            for layer, (weight, bias) in zip(self.layers, params, strict=True):
                layer.weight.copy_(torch.tensor(weight.T))
                layer.bias.copy_(torch.tensor(bias))

    def params(self) -> Params:
        return [
            (layer.weight.detach().cpu().numpy().T.copy(), layer.bias.detach().cpu().numpy().copy())
            for layer in self.layers
        ]

    def train(self, epochs: int) -> float:
        self.model.train()
        for _ in range(epochs):
            if self.work.whole:
                total = self._step(self.x, self.target)
                continue
            total = torch.zeros((), device=DEVICE)
            order = torch.randperm(len(self.x), device=DEVICE)
            for batch in order.split(self.work.batch):
                total += self._step(self.x[batch], self.target[batch])
        return total.item() / self.work.steps

    def evaluate(self) -> float:
        self.model.eval()
        x, target = self.test
        with torch.inference_mode():
            result: float = self.loss(x, target).item()
        return result

    def predict(self, x: Float) -> Float:
        self.model.eval()
        with torch.inference_mode():
            result: Float = self.model(torch.from_numpy(x).to(DEVICE)).cpu().numpy()
        return result

    def _step(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.loss(x, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _tensors(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        target = torch.from_numpy(rows.target)
        target = target.float()[:, None] if self.work.sizes[-1] == 1 else target.long()
        return torch.from_numpy(rows.x).to(DEVICE), target.to(DEVICE)


class Compiled(Torch):
    """The same, compiled."""

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        self.model, self.loss = torch.compile(self.model), torch.compile(self.loss)
