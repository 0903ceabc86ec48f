"""Digits from nothing to a test accuracy: PyTorch."""

import torch
from torch import nn

from experiments.peers.training.digits_scripts.digits import digits

x, y, test_x, test_y = map(torch.from_numpy, digits())
y, test_y = y.long(), test_y.long()
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
criterion = nn.CrossEntropyLoss()
for _ in range(20):
    for batch in torch.randperm(len(x)).split(32):
        loss = criterion(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.inference_mode():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"accuracy {accuracy:.4f}")
