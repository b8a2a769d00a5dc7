"""The Python side of `npm run bench`: see trials.ts, which is the same program. The statement of a trial is compiled into its
loop by timeit, so that no call of a function is counted that a Python user would not make."""

import os
import sys
import tempfile
import time
import timeit

import torch
from torch import nn, optim

from curves import curve
from resnet import resnet18

torch.set_num_threads(1)
torch.manual_seed(0)

a = torch.randn(2, 2)
b = torch.randn(2, 2)


def mlp(make_optimizer):
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    criterion = nn.MSELoss()
    optimizer = make_optimizer(model.parameters())
    x = torch.randn(64, 10)
    y = torch.randn(64, 1)

    def step():
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    return step


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.layer2 = nn.Sequential(
            nn.Conv2d(16, 32, kernel_size=3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.flatten = nn.Flatten()
        self.drop_out = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 4 * 4, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.layer2(self.layer1(x))
        x = self.drop_out(self.flatten(x))
        return self.fc2(self.relu(self.fc1(x)))


def example():
    model = ConvNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    images = torch.rand(64, 1, 8, 8)
    labels = torch.randint(0, 10, [64])

    def step():
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def square(model, forward):
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        forward().pow(2).mean().backward()
        optimizer.step()

    return step


def lstm():
    model = nn.LSTM(32, 64)
    x = torch.randn(20, 16, 32)
    return square(model, lambda: model(x)[0])


def transformer_layer():
    model = nn.TransformerEncoderLayer(64, 4, 128)
    x = torch.randn(20, 16, 64)
    return square(model, lambda: model(x))


def resnet_step():
    model = resnet18()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    images = torch.randn(8, 3, 32, 32)
    labels = torch.randint(0, 10, [8])

    def step():
        optimizer.zero_grad()
        criterion(model(images), labels).backward()
        optimizer.step()

    return step


def resnet_eval(batch, size):
    model = resnet18().eval()
    images = torch.randn(batch, 3, size, size)

    def step():
        with torch.no_grad():
            model(images)

    return step


def step_only(count, size, make_optimizer):
    params = [torch.randn(size, requires_grad=True) for _ in range(count)]
    for p in params:
        p.grad = torch.randn(size)
    return make_optimizer(params).step


OPTIMIZERS = {
    "SGD": lambda params: optim.SGD(params, lr=1e-6),
    "Adam": lambda params: optim.Adam(params, lr=1e-6),
    "AdamW": lambda params: optim.AdamW(params, lr=1e-6),
    "fused AdamW": lambda params: optim.AdamW(params, lr=1e-6, fused=True),
}

files = tempfile.TemporaryDirectory(prefix="bench-")


def many(count, size):
    return {f"layer{i}.weight": torch.randn(size) for i in range(count)}


TENSORS = {"512 MB": lambda: many(128, 2**20), "20,000 small": lambda: many(20_000, 16)}


def loading(what, **options):
    path = os.path.join(files.name, f"{what}.pt")
    torch.save(TENSORS[what](), path)
    return lambda: torch.load(path, **options)


def saving(what):
    tensors = TENSORS[what]()
    path = os.path.join(files.name, f"saved {what}.pt")
    return lambda: torch.save(tensors, path)


# name: how to prepare it, the statement
TRIALS = {
    "add": (None, "a.add(b)"),
    "mul": (None, "a.mul(b)"),
    "matmul": (None, "a.matmul(b)"),
    "sum": (None, "a.sum()"),
    "view": (None, "a.view(4)"),
    "index": (None, "a[0]"),
    "mlp sgd": (lambda: mlp(lambda params: optim.SGD(params, lr=0.01)), "step()"),
    "mlp adam": (lambda: mlp(lambda params: optim.Adam(params, lr=0.001)), "step()"),
    "example": (example, "step()"),
    "lstm": (lstm, "step()"),
    "transformer layer": (transformer_layer, "step()"),
    "resnet18 step": (resnet_step, "step()"),
    "resnet18 eval": (lambda: resnet_eval(8, 32), "step()"),
    "resnet18 eval 224": (lambda: resnet_eval(8, 224), "step()"),
}
for optimizer, make in OPTIMIZERS.items():
    TRIALS[f"500 small {optimizer}"] = (lambda make=make: step_only(500, 1000, make), "step()")
    TRIALS[f"10 large {optimizer}"] = (lambda make=make: step_only(10, 2**20, make), "step()")

for what in TENSORS:
    TRIALS[f"load {what}"] = (lambda what=what: loading(what), "step()")
    TRIALS[f"save {what}"] = (lambda what=what: saving(what), "step()")
TRIALS["load 512 MB mapped"] = (lambda: loading("512 MB", mmap=True), "step()")

prepared = {}


counts = {}


def measure(name, seconds):
    calls = counts.get(name, 1)
    while True:
        spent = prepared[name].timeit(calls)
        # half of it will do: another number of calls would be measured once more
        if spent >= seconds / 2:
            counts[name] = calls
            return spent * 1e9 / calls
        calls *= 2


for line in sys.stdin:
    name, seconds = line.split("\t")
    if name not in prepared:
        prepare, statement = TRIALS.get(name) or (lambda: curve(name), "step()")
        step = prepare() if prepare else None
        names = {"a": a, "b": b, "step": step}
        prepared[name] = timeit.Timer(statement, timer=time.process_time, globals=names)
    print(measure(name, float(seconds)), flush=True)
