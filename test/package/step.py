"""Writes step.pt: a model, an optimizer in the middle of a run, a batch, and what the next step makes of the parameters."""

from pathlib import Path

import torch

torch.manual_seed(0)
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
x, y = torch.randn(8, 4), torch.randn(8, 2)


def step() -> None:
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()


step()
saved = {
    "model": {name: value.clone() for name, value in model.state_dict().items()},
    "optimizer": optimizer.state_dict(),
    "x": x,
    "y": y,
}
# the state holds the live tensors: they are written before the next step changes them
target = Path(__file__).with_name("step.pt")
torch.save(saved, target)
step()
saved = torch.load(target, weights_only=True)
saved["after"] = dict(model.state_dict())
torch.save(saved, target)
