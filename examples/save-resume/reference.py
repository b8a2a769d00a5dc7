"""save-resume.ts in Python: run it to compare."""
import argparse
import hashlib

import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--resume")
parser.add_argument("--out", default="checkpoint.pth")
options = parser.parse_args()
HALF = 10
EPOCHS = 20
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class SimpleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc2(self.relu(self.fc1(x)))


def load_criterion(saved):
    """Python saves the module itself, save-resume.ts its state dict."""
    if isinstance(saved, nn.Module):
        return saved
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3)).to(device)
    criterion.load_state_dict(saved)
    return criterion


def train(model, criterion, optimizer, first, end):
    model.train()
    for epoch in range(first, end):
        loss = criterion(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch + 1}  loss {loss.item():.6f}")


torch.set_num_threads(1)
torch.manual_seed(0)
inputs = torch.randn(120, 10)
labels = inputs[:, :3].argmax(1).to(device)
x = inputs.to(device)

if options.resume is None:
    model = SimpleModel().to(device)
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1, 2, 0.5])).to(device)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train(model, criterion, optimizer, 0, HALF)
    torch.save(
        {
            "epoch": HALF,
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "loss": criterion,
        },
        options.out,
    )
    print("saved")

# What Node saves does not need the class; this program's own file does.
with torch.serialization.safe_globals([nn.CrossEntropyLoss]):
    checkpoint = torch.load(options.resume or options.out, map_location=device, weights_only=True)

model = SimpleModel().to(device)
model.load_state_dict(checkpoint["model_state_dict"])
optimizer = optim.SGD(model.parameters(), lr=0.01)
optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
criterion = load_criterion(checkpoint["loss"])

print(f"resumed after epoch {checkpoint['epoch']}")
train(model, criterion, optimizer, checkpoint["epoch"], EPOCHS)

digest = hashlib.sha256()
for p in model.parameters():
    digest.update(p.detach().cpu().numpy().tobytes())
print(f"sha256 of the parameters: {digest.hexdigest()}")
