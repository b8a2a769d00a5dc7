"""training-class.ts in Python: run it to compare."""
import argparse
import gzip
import hashlib
import os
import pathlib
import re

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--folder", default="runs/digits")
parser.add_argument("--epochs", type=int, default=16)
options = parser.parse_args()


class Trainer:
    SAVE_EVERY = 2
    KEEP_LAST = 2

    def __init__(self, model, folder):
        self.model = model
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.optimizer = optim.Adam(model.parameters(), lr=0.02)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, 10, gamma=0.5)
        self.criterion = nn.CrossEntropyLoss()
        self.epoch = 1

    def path(self, epoch):
        return self.folder / f"checkpoint_epoch_{epoch}.pth"

    def epochs(self):
        """Epochs of which there is a checkpoint."""
        names = (re.fullmatch(r"checkpoint_epoch_(\d+)\.pth", name) for name in os.listdir(self.folder))
        return sorted(int(name[1]) for name in names if name)

    def load(self, epoch):
        return torch.load(self.path(epoch), map_location="cpu", weights_only=True)

    def best_epoch(self):
        return min(self.epochs(), key=lambda epoch: self.load(epoch)["metrics"]["loss"])

    def resume(self):
        if not self.epochs():
            return
        checkpoint = self.load(self.epochs()[-1])
        self.model.load_state_dict(checkpoint["model_state_dict"])
        self.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        self.scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
        self.epoch = checkpoint["epoch"] + 1
        print(f"resumed after epoch {checkpoint['epoch']}, loss {checkpoint['metrics']['loss']:.6f}")

    def save_checkpoint(self, epoch, loss):
        if epoch % self.SAVE_EVERY != 0:
            return
        checkpoint = {
            "epoch": epoch,
            "model_state_dict": self.model.state_dict(),
            "optimizer_state_dict": self.optimizer.state_dict(),
            "scheduler_state_dict": self.scheduler.state_dict(),
            "metrics": {"loss": loss},
        }
        # under another name first: a crash in the middle leaves no half of a checkpoint
        temporary = self.folder / "checkpoint.tmp"
        torch.save(checkpoint, temporary)
        os.replace(temporary, self.path(epoch))
        stay = {self.best_epoch(), *self.epochs()[-self.KEEP_LAST :]}
        for other in self.epochs():
            if other not in stay:
                self.path(other).unlink()

    def fit(self, epochs, train, test):
        for epoch in range(self.epoch, epochs + 1):
            trained = self.train_epoch(train(epoch))
            loss, accuracy = self.evaluate(test)
            self.scheduler.step()
            print(f"epoch {epoch}  trained {trained:.6f}  loss {loss:.6f}  accuracy {accuracy:.4f}")
            self.save_checkpoint(epoch, loss)

    def evaluate(self, batches):
        self.model.eval()
        loss, correct, count = 0, 0, 0
        with torch.no_grad():
            for x, y in batches:
                output = self.model(x)
                loss += self.criterion(output, y).item() * len(y)
                correct += (output.argmax(1) == y).sum().item()
                count += len(y)
        return loss / count, correct / count

    def load_best(self):
        epoch = self.best_epoch()
        self.model.load_state_dict(self.load(epoch)["model_state_dict"])
        return epoch

    def train_epoch(self, batches):
        self.model.train()
        total, count = 0, 0
        for x, y in batches:
            loss = self.criterion(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            count += 1
        return total / count


def digest(model):
    sha = hashlib.sha256()
    for p in model.parameters():
        sha.update(p.detach().numpy().tobytes())
    return sha.hexdigest()


torch.set_num_threads(1)
torch.manual_seed(0)

digits = pathlib.Path(__file__).resolve().parent.parent / "resume" / "data" / "digits.csv.gz"
rows = [[int(v) for v in line.split(",")] for line in gzip.open(digits, "rt").read().split()]
images = torch.tensor([row[:64] for row in rows], dtype=torch.float32) / 16
labels = torch.tensor([row[64] for row in rows])

generator = torch.Generator()
train_set = TensorDataset(images[:300], labels[:300])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True, generator=generator)
test_loader = DataLoader(TensorDataset(images[1000:1700], labels[1000:1700]), batch_size=350)


def shuffled(epoch):
    generator.manual_seed(epoch)
    return train_loader


trainer = Trainer(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), options.folder)
trainer.resume()
trainer.fit(options.epochs, shuffled, test_loader)
print(f"sha256 of the parameters: {digest(trainer.model)}")

print(f"kept: {', '.join(trainer.path(epoch).name for epoch in trainer.epochs())}")
best = trainer.load_best()
loss, accuracy = trainer.evaluate(test_loader)
print(f"best: epoch {best}  loss {loss:.6f}  accuracy {accuracy:.4f}  sha256 {digest(trainer.model)}")
