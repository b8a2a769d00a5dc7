"""What several checks train; nets.ts is the same program."""

import json
import os
import warnings

import torch
from torch import nn
from torch.nn import functional as F

device = os.environ.get("LTN_CUDA_CHECK_DEVICE", "cuda")


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.flatten = nn.Flatten()
        self.drop_out = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 4 * 4, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.drop_out(self.flatten(self.layer2(self.layer1(x))))
        return self.fc2(self.relu(self.fc1(x)))


OPTIMIZERS = {
    "Adam": lambda params: torch.optim.Adam(params, lr=2e-3, weight_decay=1e-4),
    "SGD": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9),
}


def begin(kind="Adam", where=device):
    """A net with its optimizer."""
    torch.manual_seed(0)
    model = ConvNet().to(where)
    return model, OPTIMIZERS[kind](model.parameters())


def batch(where=device):
    images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.randint(0, 10, (64,), generator=torch.Generator().manual_seed(2))
    return images.to(where), labels.to(where)


def train(model, optimizer, steps, where=device):
    images, labels = batch(where)
    criterion = nn.CrossEntropyLoss()
    torch.manual_seed(3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
    return loss


def seen(model, optimizer=None):
    """What there is to compare of a training."""
    state = {"model": model.state_dict()}
    return state if optimizer is None else {**state, "optimizer": optimizer.state_dict()}


def squares(model, forward, steps, lr=0.01):
    """Steps of SGD on the mean square of what `forward` gives."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = forward().pow(2).mean()
        loss.backward()
        optimizer.step()
    return loss


def layer(o, name, args, kwargs, shapes):
    """Results of a layer, gradients of inputs and parameters, buffers."""
    torch.manual_seed(7)
    module = getattr(nn, name)(*[tuple(a) if isinstance(a, list) else a for a in args], **kwargs).to(device)
    whole = lambda s: torch.randint(0, s[0], s[1:]).to(device)
    inputs = [whole(s[1:]) if s[0] == "whole" else torch.randn(s).to(device) for s in shapes]
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    out = module(*inputs)
    while isinstance(out, tuple):
        out = out[0]
    out.mul(torch.linspace(-1, 1, out.numel()).to(device).view(out.shape)).sum().backward()
    o["out"] = out
    o["gradients"] = [t.grad for t in [*leaves, *module.parameters()] if t.grad is not None]
    o["buffers"] = list(module.buffers())
