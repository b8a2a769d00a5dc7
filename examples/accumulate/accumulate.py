"""accumulate.ts in Python: run it to compare."""
import gzip
import hashlib
import pathlib
import sys

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 4
MICRO_BATCH = 32
ACCUMULATE = 4
MAX_NORM = 1
WARM_UP = 10

torch.set_num_threads(1)
torch.manual_seed(0)

digits = pathlib.Path(__file__).resolve().parent.parent / "resume" / "data" / "digits.csv.gz"
rows = [[int(v) for v in line.split(",")] for line in gzip.open(digits, "rt").read().split()]
images = torch.tensor([row[:64] for row in rows], dtype=torch.float32) / 16
labels = torch.tensor([row[64] for row in rows])
loader = DataLoader(TensorDataset(images, labels), batch_size=MICRO_BATCH, shuffle=True)

model = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 10))
criterion = nn.CrossEntropyLoss()
named = list(model.named_parameters())
optimizer = torch.optim.AdamW(
    [
        {"params": [p for name, p in named if name.endswith("weight")], "weight_decay": 0.05},
        {"params": [p for name, p in named if not name.endswith("weight")], "weight_decay": 0},
    ],
    lr=0.01,
)
steps_per_epoch = -(-len(loader) // ACCUMULATE)
scheduler = SequentialLR(
    optimizer,
    [
        LinearLR(optimizer, start_factor=0.1, total_iters=WARM_UP),
        CosineAnnealingLR(optimizer, EPOCHS * steps_per_epoch - WARM_UP),
    ],
    [WARM_UP],
)

for epoch in range(1, EPOCHS + 1):
    total, norm = 0, 0
    for batch, (x, y) in enumerate(loader, 1):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="--amp" in sys.argv):
            loss = criterion(model(x), y)
        loss = loss / ACCUMULATE
        loss.backward()
        total += loss.item() * ACCUMULATE
        if batch % ACCUMULATE != 0 and batch != len(loader):
            continue
        norm = nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM).item()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    lr = scheduler.get_last_lr()[0]
    print(f"epoch {epoch}  loss {total / len(loader):.4f}  norm {norm:.4f}  next lr {lr:.6f}")

digest = hashlib.sha256()
for p in model.parameters():
    digest.update(p.detach().numpy().tobytes())
print(f"sha256 of the parameters: {digest.hexdigest()}")
