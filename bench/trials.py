"""The Python side of `npm run bench`: see trials.ts, which is the same program. The statement of a trial is compiled into its
loop by timeit, so that no call of a function is counted that a Python user would not make."""

import sys
import time
import timeit

import torch
from torch import nn, optim

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
}

prepared = {}


def measure(timer, seconds):
    calls = 1
    while True:
        spent = timer.timeit(calls)
        if spent >= seconds:
            return spent * 1e9 / calls
        calls *= 2


for line in sys.stdin:
    name, seconds = line.split("\t")
    if name not in prepared:
        prepare, statement = TRIALS[name]
        step = prepare() if prepare else None
        names = {"a": a, "b": b, "step": step}
        prepared[name] = timeit.Timer(statement, timer=time.process_time, globals=names)
    print(measure(prepared[name], float(seconds)), flush=True)
