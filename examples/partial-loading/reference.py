"""partial-loading.ts in Python: run it to compare."""
import argparse
import hashlib

import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--weights")
parser.add_argument("--out", default="old.pth")
options = parser.parse_args()


class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 10)


class NewNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        first = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(torch.relu(self.conv2(first)).mean([2, 3]))


torch.set_num_threads(1)
torch.manual_seed(0)
if options.weights is None:
    torch.save(OldNet().state_dict(), options.out)
weights = torch.load(options.weights or options.out, weights_only=True)

torch.manual_seed(1)
model = NewNet()
model.fc = nn.Linear(model.fc.in_features, 4)
head = list(model.fc.named_parameters())

own = model.state_dict()
print(", ".join(key for key in own if key in weights and own[key].shape == weights[key].shape))
skipped = [key for key in weights if key.startswith("fc.")]
taken = {key: value for key, value in weights.items() if key not in skipped}
taken["conv1.weight"] = taken["conv1.weight"].sum(1, keepdim=True)
missing, unexpected = model.load_state_dict(taken, strict=False)
assert not unexpected
print(f"loaded: {', '.join(key for key in own if key in taken)}")
print("adapted: conv1.weight")
print(f"new: {', '.join(missing)}")
print(f"left out: {', '.join(skipped)}")

groups = {}
for name, p in model.named_parameters():
    rule = 0 if name.startswith("fc.") else 1 if name.startswith("conv2.") else 2
    groups.setdefault((rule, p.ndim <= 1), []).append(p)
optimizer = optim.SGD(
    [
        {"params": groups[key], "lr": [0.1, 0.05, 0.01][key[0]], **({"weight_decay": 0} if key[1] else {})}
        for key in sorted(groups)
    ],
    momentum=0.9,
    weight_decay=0.01,
)
for group in optimizer.param_groups:
    print(f"group: lr {group['lr']}, weight decay {group['weight_decay']}, {len(group['params'])} parameters")

x = torch.randn(32, 1, 8, 8)
labels = torch.arange(32).remainder(4)
criterion = nn.CrossEntropyLoss()
for step in range(10):
    loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step + 1}  loss {loss.item():.6f}")

digest = hashlib.sha256()
for p in model.parameters():
    digest.update(p.detach().numpy().tobytes())
print(f"sha256 of the parameters: {digest.hexdigest()}, {len(head)} of them in the new head")
