"""freezing.ts in Python: run it to compare."""
import argparse
import hashlib
from collections import OrderedDict
from copy import deepcopy

import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="freezing.pth")
options = parser.parse_args()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(OrderedDict(fc=nn.Linear(8, 16), bn=nn.BatchNorm1d(16), relu=nn.ReLU()))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.features(x))


class FrozenInForward(Net):
    def forward(self, x):
        with torch.no_grad():
            features = self.features(x)
        return self.head(features)


def copy_of(source, target):
    target.load_state_dict(source.state_dict())
    return target


def train(what, model, parameters):
    print(f"{what}: {', '.join(name for name, _ in parameters)}")
    optimizer = optim.SGD([p for _, p in parameters], lr=0.1, momentum=0.9, weight_decay=0.01)
    criterion = nn.CrossEntropyLoss()
    before = deepcopy(model.state_dict())
    model.train()
    if not any(p.requires_grad for p in model.features.parameters()) and what == "by name":
        model.features.bn.eval()
    for step in range(5):
        loss = criterion(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"  step {step + 1}  loss {loss.item():.6f}")
    after = model.state_dict()
    print(f"  changed: {', '.join(key for key in before if not torch.equal(before[key], after[key]))}")
    digest = hashlib.sha256()
    for tensor in after.values():
        digest.update(tensor.numpy().tobytes())
    print(f"  sha256 of the state: {digest.hexdigest()}")
    return after


torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(64, 8)
labels = x[:, :3].argmax(1)
pretrained = Net()
checkpoint = {}

model = copy_of(pretrained, Net())
for name, parameter in model.named_parameters():
    if name.startswith("features."):
        parameter.requires_grad = False
checkpoint["name"] = train("by name", model, [(n, p) for n, p in model.named_parameters() if p.requires_grad])
for name, parameter in model.named_parameters():
    if name.startswith("features.fc."):
        parameter.requires_grad = True
print(f"trainable after unfreezing: {', '.join(n for n, p in model.named_parameters() if p.requires_grad)}")

model = copy_of(pretrained, Net())
for parameter in model.features.parameters():
    parameter.requires_grad = False
trainable = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
checkpoint["requires_grad"] = train("by requiresGrad", model, trainable)

model = copy_of(pretrained, FrozenInForward())
checkpoint["no_grad"] = train("by noGrad", model, list(model.named_parameters()))
print(f"gradient of the features: {'null' if next(model.features.parameters()).grad is None else 'there'}")

torch.save(checkpoint, options.out)
