"""scheduler-epoch-args.ts in Python: run it to compare."""
import argparse
import gzip
import hashlib
import os
import pathlib

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--lr-gamma", type=float, default=0.5)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--resume", default="")
parser.add_argument("--output-dir", default=".")
args = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(args.seed)

digits = pathlib.Path(__file__).resolve().parent.parent / "resume" / "data" / "digits.csv.gz"
rows = [[int(v) for v in line.split(",")] for line in gzip.open(digits, "rt").read().split()]
images = torch.tensor([row[:64] for row in rows], dtype=torch.float32) / 16
labels = torch.tensor([row[64] for row in rows])
generator = torch.Generator()
loader = DataLoader(TensorDataset(images, labels), batch_size=args.batch_size, shuffle=True, generator=generator)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
lr_scheduler = optim.lr_scheduler.MultiStepLR(optimizer, [2, 4], gamma=args.lr_gamma)

start_epoch = 0
if args.resume:
    # MultiStepLR keeps its milestones as a Counter, which torch.load knows; of a Namespace it has to be told
    with torch.serialization.safe_globals([argparse.Namespace]):
        checkpoint = torch.load(args.resume, map_location="cpu", weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    lr_scheduler.load_state_dict(checkpoint["lr_scheduler"])
    start_epoch = checkpoint["epoch"] + 1
    saved = checkpoint["args"]
    print(
        f"resumed after epoch {checkpoint['epoch']}, made with "
        f"{{ lr: {saved.lr}, lr_gamma: {saved.lr_gamma}, batch_size: {saved.batch_size}, seed: {saved.seed} }}"
    )
    if saved.batch_size != args.batch_size or saved.seed != args.seed:
        raise SystemExit("go on with the same batch size and seed")

for epoch in range(start_epoch, args.epochs):
    generator.manual_seed(args.seed + epoch)
    lr = lr_scheduler.get_last_lr()[0]
    total = 0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    lr_scheduler.step()
    print(f"epoch {epoch}  lr {lr:.6f}  loss {total / len(loader):.6f}")
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": lr_scheduler.state_dict(),
        "epoch": epoch,
        "args": args,
    }
    torch.save(checkpoint, os.path.join(args.output_dir, f"model_{epoch}.pth"))
    torch.save(checkpoint, os.path.join(args.output_dir, "checkpoint.pth"))

digest = hashlib.sha256()
for p in model.parameters():
    digest.update(p.detach().numpy().tobytes())
print(f"sha256 of the parameters: {digest.hexdigest()}")
