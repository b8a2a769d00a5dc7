"""The Python side of cuda.ts: `cuda_trials.py DEVICE SECONDS` reads the number of a trial from each line and prints nanoseconds of
one call. (As `cuda.py` it would hide the package `cuda`, which torch imports.)"""

import sys
import time

import torch
from torch import nn, optim

from resnet import resnet18

device, segment = sys.argv[1], float(sys.argv[2])
torch.set_num_threads(1)
torch.manual_seed(0)


def steps(model, make, loss):
    model.to(device)
    optimizer = make(model.parameters())

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def sgd(params):
    return optim.SGD(params, lr=0.01)


def mlp(make):
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    x, y = torch.randn(64, 10).to(device), torch.randn(64, 1).to(device)
    criterion = nn.MSELoss()
    return steps(model, make, lambda: criterion(model(x), y))


def resnet(batch, size):
    model = resnet18()
    images = torch.randn(batch, 3, size, size).to(device)
    labels = torch.randint(0, 10, (batch,)).to(device)
    criterion = nn.CrossEntropyLoss()
    return steps(model, sgd, lambda: criterion(model(images), labels))


def transformer(width, heads, length, batch):
    model = nn.TransformerEncoderLayer(width, heads, 2 * width)
    x = torch.randn(length, batch, width).to(device)
    return steps(model, sgd, lambda: model(x).pow(2).mean())


def lstm():
    model = nn.LSTM(32, 64)
    x = torch.randn(20, 16, 32).to(device)
    return steps(model, sgd, lambda: model(x)[0].pow(2).mean())


def step_only(count, size, make):
    params = [torch.randn(size).to(device).requires_grad_() for _ in range(count)]
    for p in params:
        p.grad = torch.randn(size).to(device)
    return make(params).step


def add():
    a, b = torch.randn(2, 2).to(device), torch.randn(2, 2).to(device)
    return lambda: a.add(b)


TRIALS = [
    add,
    lambda: mlp(sgd),
    lambda: mlp(lambda params: optim.Adam(params, lr=0.001)),
    lstm,
    lambda: transformer(64, 4, 20, 16),
    lambda: transformer(512, 8, 128, 32),
    lambda: resnet(8, 32),
    lambda: resnet(32, 224),
    lambda: step_only(500, 1000, lambda params: optim.Adam(params, lr=1e-6)),
    lambda: step_only(500, 1000, lambda params: optim.Adam(params, lr=1e-6, fused=True)),
]
prepared = {}


def synchronize():
    if device == "cuda":
        torch.cuda.synchronize()


def measure(index):
    if index not in prepared:
        prepared[index] = [TRIALS[index](), 1]
    call = prepared[index][0]
    while True:
        calls = prepared[index][1]
        synchronize()
        start = time.perf_counter_ns()
        for _ in range(calls):
            call()
        synchronize()
        spent = time.perf_counter_ns() - start
        if spent >= segment * 5e8:
            return spent / calls
        prepared[index][1] *= 2


for line in sys.stdin:
    print(measure(int(line)), flush=True)
