"""The Python side of cuda.check.ts: `programs.py steps|save|read FILE` on the first CUDA device."""

import hashlib
import json
import sys

import torch
from torch import nn

torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False


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


def digest(tensors):
    sha = hashlib.sha256()
    for t in tensors:
        sha.update(t.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def train(kind, steps, model=None, optimizer=None):
    if model is None:
        torch.manual_seed(0)
        model = ConvNet().to("cuda")
        optimizer = {"Adam": lambda p: torch.optim.Adam(p, lr=2e-3, weight_decay=1e-4),
                     "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)}[kind](model.parameters())
    images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1)).cuda()
    labels = torch.randint(0, 10, (64,), generator=torch.Generator().manual_seed(2)).cuda()
    criterion = nn.CrossEntropyLoss()
    torch.manual_seed(3)
    for _ in range(steps):
        optimizer.zero_grad()
        criterion(model(images), labels).backward()
        optimizer.step()
    return model, optimizer


def layer(name, args, kwargs, shapes):
    """Digests of what a layer gives on the device: results, gradients of inputs and parameters, buffers."""
    torch.manual_seed(7)
    module = getattr(nn, name)(*[tuple(a) if isinstance(a, list) else a for a in args], **kwargs).to("cuda")
    inputs = [torch.randint(0, s[0], s[1:]).cuda() if name == "Embedding" else torch.randn(s).cuda() for s in shapes]
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    out = module(*inputs)
    while isinstance(out, tuple):
        out = out[0]
    out.mul(torch.linspace(-1, 1, out.numel()).cuda().view(out.shape)).sum().backward()
    gradients = [t.grad for t in [*leaves, *module.parameters()] if t.grad is not None]
    return digest([out, *gradients, *module.buffers()])


what = sys.argv[1]
if what == "random":
    torch.manual_seed(5)
    made = [torch.randn(1000, device="cuda"), torch.rand(7, device="cuda"), torch.randperm(50, device="cuda"),
            torch.randint(0, 9, (33,), device="cuda"), torch.empty(64, device="cuda").exponential_()]
    print(digest(made))
elif what == "layers":
    with open(sys.argv[2]) as file:
        print(json.dumps([layer(*case) for case in json.load(file)]))
elif what == "steps":
    print(json.dumps({kind: digest(train(kind, 20)[0].state_dict().values()) for kind in ("Adam", "SGD")}))
elif what == "save":
    model, optimizer = train("Adam", 5)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, sys.argv[2])
    train("Adam", 5, model, optimizer)
    print(digest(model.state_dict().values()))
elif what == "read":
    loaded = torch.load(sys.argv[2], weights_only=True)
    model = ConvNet().to("cuda")
    model.load_state_dict(loaded["model"])
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.load_state_dict(loaded["optimizer"])
    train("Adam", 5, model, optimizer)
    devices = sorted({str(t.device) for t in loaded["model"].values()})
    print(json.dumps({"digest": digest(model.state_dict().values()), "devices": devices}))
