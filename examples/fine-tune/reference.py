"""fine-tune.ts in Python: run it to compare. ResNet-18 and ImageFolder are written out, so that it needs no torchvision."""
import argparse
import hashlib
import os

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="photos")
parser.add_argument("--weights")
parser.add_argument("--tuned")
parser.add_argument("--out", default="tuned.pth")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--size", type=int, default=224)
options = parser.parse_args()

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)


class ImageFolder(Dataset):
    """A folder with a folder of pictures for each class, as torchvision reads it."""

    def __init__(self, root):
        self.classes = sorted(os.listdir(root))
        self.samples = [
            (os.path.join(root, name, file), target)
            for target, name in enumerate(self.classes)
            for file in sorted(os.listdir(os.path.join(root, name)))
        ]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        path, target = self.samples[index]
        image = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)
        top, left = (int(round((edge - options.size) / 2)) for edge in image.shape[1:])
        image = image[:, top : top + options.size, left : left + options.size]
        return ((image.float() / 255 - MEAN) / STD).contiguous(), target


class BasicBlock(nn.Module):
    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or before != planes:
            self.downsample = nn.Sequential(nn.Conv2d(before, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def fine_tune():
    model = ResNet18()
    model.load_state_dict(torch.load(options.weights, weights_only=True))
    torch.manual_seed(0)
    model.fc = nn.Linear(512, len(train.classes))
    frozen = [model.conv1, model.bn1, model.layer1, model.layer2, model.layer3]
    for module in frozen:
        module.requires_grad_(False)
    optimizer = torch.optim.SGD(
        [
            {"params": model.layer4.parameters(), "lr": 0.001},
            {"params": model.fc.parameters(), "lr": 0.01},
        ],
        momentum=0.9,
        weight_decay=1e-4,
    )
    trainable = sum(p.requires_grad for p in model.parameters())
    print(f"{len(train)} pictures of {', '.join(train.classes)}; {trainable} trainable tensors")

    loader = DataLoader(train, batch_size=8, shuffle=True)
    for epoch in range(1, options.epochs + 1):
        model.train()
        for module in frozen:
            module.eval()  # their BatchNorms keep their statistics
        total = 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch}  loss {total / len(loader):.6f}")
    torch.save({"classes": train.classes, "model": model.state_dict()}, options.out)
    return model


def open_tuned(file):
    saved = torch.load(file, weights_only=True)
    assert saved["classes"] == val.classes
    model = ResNet18(len(saved["classes"]))
    model.load_state_dict(saved["model"])
    return model


@torch.no_grad()
def evaluate(model):
    model.eval()
    loss, correct = 0, 0
    for x, y in DataLoader(val, batch_size=8):
        scores = model(x)
        loss += criterion(scores, y).item() * len(x)
        correct += (scores.argmax(1) == y).sum().item()
    return loss / len(val), correct


torch.set_num_threads(1)
train = ImageFolder(os.path.join(options.data, "train"))
val = ImageFolder(os.path.join(options.data, "val"))
criterion = nn.CrossEntropyLoss()

model = fine_tune() if options.tuned is None else open_tuned(options.tuned)
loss, correct = evaluate(model)
print(f"loss {loss:.6f}  correct {correct} of {len(val)}")

digest = hashlib.sha256()
for tensor in model.state_dict().values():
    digest.update(tensor.contiguous().numpy().tobytes())
print(f"sha256 of the state dict: {digest.hexdigest()}")
