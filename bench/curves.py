"""How cost grows: see curves.ts, which is the same program; a sum that nobody holds is freed at once in Python."""

import functools
import os
import tempfile

import torch
from torch import nn, optim

WIDTH = 32
BATCH = 16

files = tempfile.TemporaryDirectory(prefix="bench-")


def add(size):
    a, b = torch.randn(size), torch.randn(size)
    return functools.partial(a.add, b)


def chain(count, as_loop):
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(count)]
    model = nn.Sequential(*layers)
    x = torch.randn(BATCH, WIDTH)

    def loop(value):
        for layer in layers:
            value = layer(value)
        return value

    forward = loop if as_loop else model

    def step():
        for p in model.parameters():
            p.grad = None
        forward(x).sum().backward()

    return step


def adam(count, size):
    params = [torch.randn(size, requires_grad=True) for _ in range(count)]
    for p in params:
        p.grad = torch.randn(size)
    return optim.Adam(params, lr=1e-6).step


def tensors(size):
    return {f"layer{i}.weight": torch.randn(size // 32) for i in range(8)}


def load(size, **options):
    path = os.path.join(files.name, f"load {size}.pt")
    torch.save(tensors(size), path)
    return functools.partial(torch.load, path, **options)


def save(size):
    return functools.partial(torch.save, tensors(size), os.path.join(files.name, "save.pt"))


CURVES = {
    "add of": add,
    "chain of": lambda count: chain(count, False),
    "loop over": lambda count: chain(count, True),
    "Adam small": lambda count: adam(count, 100),
    "Adam large": lambda size: adam(10, size),
    "load": load,
    "load mapped": lambda size: load(size, mmap=True),
    "save": save,
}


def curve(name):
    what, size = name.rsplit(" ", 1)
    return CURVES[what](int(size))
