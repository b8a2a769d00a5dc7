"""Trains a small convolutional net on handwritten digits, and saves a checkpoint half-way.

The checkpoint has the layout of the common tutorials. `resume.ts` continues from it in Node; this program goes on without
interruption and records the digest of its final parameters, which Node's must equal.

    python train.py                           # writes checkpoint.pth and expected.json to the current folder
    python train.py --resume other.pth        # continues from a checkpoint that this program or Node wrote
"""

import argparse
import csv
import gzip
import hashlib
import json
import os
import pathlib

# Bits depend on the instructions that the CPU offers. These three settings make every machine with AVX2 compute the same
# ones; they must be there before torch is loaded.
PINNED_CPU = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
os.environ.update(PINNED_CPU)

import torch  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

DIGITS = pathlib.Path(__file__).parent / "data" / "digits.csv.gz"


def parse_args():
    parser = argparse.ArgumentParser(description="Digits")
    parser.add_argument("--epochs", type=int, default=12, help="last epoch, counted from 1")
    parser.add_argument("--batch_size", type=int, default=64, help="images per step")
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of the first epoch")
    parser.add_argument("--weight_decay", type=float, default=1e-4, help="L2 penalty inside Adam")
    parser.add_argument("--step_size", type=int, default=4, help="epochs between two cuts of the learning rate")
    parser.add_argument("--gamma", type=float, default=0.5, help="factor of each cut")
    parser.add_argument("--dropout", type=float, default=0.25, help="share of activations dropped in training")
    parser.add_argument("--seed", type=int, default=1998, help="of the weights, the shuffling and the dropout")
    parser.add_argument("--save_after", type=int, default=5, help="epoch whose end the checkpoint holds")
    parser.add_argument("--checkpoint", default="checkpoint.pth", help="file to write")
    parser.add_argument("--expected", default="expected.json", help="file to write the results to")
    parser.add_argument("--resume", default=None, help="checkpoint to continue from, up to --epochs")
    return parser.parse_args()


class ConvNet(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.layer2 = nn.Sequential(
            nn.Conv2d(16, 32, kernel_size=3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.flatten = nn.Flatten()
        self.drop_out = nn.Dropout(dropout)
        self.fc1 = nn.Linear(32 * 4 * 4, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):  # (N, 1, 8, 8)
        x = self.layer2(self.layer1(x))  # (N, 32, 4, 4)
        x = self.drop_out(self.flatten(x))  # (N, 512)
        return self.fc2(self.relu(self.fc1(x)))  # (N, 10)


def digits(test_images=360):
    """Training set, and test set made of the last images."""
    with gzip.open(DIGITS, "rt") as file:
        rows = torch.tensor([[int(value) for value in row] for row in csv.reader(file)])
    images = rows[:, :64].reshape(-1, 1, 8, 8).float() / 16  # ink from 0 to 1
    labels = rows[:, 64]
    return (
        TensorDataset(images[:-test_images], labels[:-test_images]),
        TensorDataset(images[-test_images:], labels[-test_images:]),
    )


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def accuracy(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loader:
            correct += (model(images).argmax(1) == labels).sum().item()
    return correct / len(loader.dataset)


def digest(model):
    """SHA-256 over every entry of the state dict in order: its name in UTF-8, then its values as they lie in memory."""
    sha = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        sha.update(name.encode())
        sha.update(bytes(tensor.contiguous().view(-1).view(torch.uint8).tolist()))
    return sha.hexdigest()


def main():
    args = parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    train_set, test_set = digits()
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)

    model = ConvNet(args.dropout)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=args.step_size, gamma=args.gamma)
    first_epoch = 1

    if args.resume:
        # What Node saves needs neither class; this program's own checkpoints do.
        with torch.serialization.safe_globals([argparse.Namespace, nn.CrossEntropyLoss]):
            checkpoint = torch.load(args.resume, weights_only=True)
        model.load_state_dict(checkpoint["model_state_dict"])
        optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        scheduler.load_state_dict(checkpoint["lr_schedule"])
        torch.set_rng_state(checkpoint["rng_state"])
        first_epoch = checkpoint["epoch"] + 1

    history = []
    for epoch in range(first_epoch, args.epochs + 1):
        lr = scheduler.get_last_lr()[0]
        loss = train_epoch(model, train_loader, criterion, optimizer)
        scheduler.step()
        history.append({"epoch": epoch, "lr": lr, "loss": loss, "accuracy": accuracy(model, test_loader)})
        print("epoch {epoch}  lr {lr}  loss {loss:.4f}  accuracy {accuracy:.4f}".format(**history[-1]))
        if epoch == args.save_after and not args.resume:
            torch.save(
                {
                    "epoch": epoch,
                    "model_state_dict": model.state_dict(),
                    "optimizer_state_dict": optimizer.state_dict(),
                    "lr_schedule": scheduler.state_dict(),
                    "loss": criterion,
                    "args": args,
                    "rng_state": torch.get_rng_state(),
                },
                args.checkpoint,
            )

    result = {"torch": torch.__version__, "environment": PINNED_CPU, "threads": 1, "history": history, "sha256": digest(model)}
    print(result["sha256"])
    if not args.resume:
        pathlib.Path(args.expected).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
