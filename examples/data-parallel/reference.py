"""data-parallel.ts in Python: run it to compare. With --make-whole it writes whole-model.pth."""
import argparse
import hashlib
import os
import pathlib
from collections import OrderedDict

import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--folder", default=".")
parser.add_argument("--load", action="store_true")
parser.add_argument("--make-whole", action="store_true")
options = parser.parse_args()
single_file, parallel_file, weights_file = (
    os.path.join(options.folder, name) for name in ("single.pth", "parallel.pth", "weights.pth")
)
whole_file = pathlib.Path(__file__).resolve().parent / "whole-model.pth"
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 32)
        self.norm = nn.BatchNorm1d(32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc2(self.relu(self.norm(self.fc1(x))))


def load_file(file):
    return torch.load(file, map_location=device, weights_only=True)


def load(state_dict):
    net = Net().to(device)
    net.load_state_dict(state_dict)
    return net


def train(name, net):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for step in range(1, 6):
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"{name}  step {step}  loss {loss.item():.6f}")


def report(name, net):
    """The accuracy of a net, and a digest of its parameters and buffers."""
    net.eval()
    with torch.no_grad():
        output = net(x)
    net.train()
    accuracy = (output.argmax(1) == y).sum().item() / 128
    sha = hashlib.sha256()
    for tensor in net.state_dict().values():
        sha.update(tensor.cpu().numpy().tobytes())
    print(f"{name}: accuracy {accuracy:.4f}  sha256 {sha.hexdigest()}")


torch.set_num_threads(1)
torch.manual_seed(1 if options.make_whole else 0)
inputs = torch.randn(128, 10)
x = inputs.to(device)
y = inputs[:, :3].argmax(1).to(device)

if options.make_whole:
    whole = nn.DataParallel(Net().to(device))
    train("whole", whole)
    torch.save(whole, whole_file)
    raise SystemExit

if not options.load:
    single = Net().to(device)
    train("single", single)
    torch.save(single.state_dict(), single_file)

    parallel = nn.DataParallel(Net().to(device))
    train("parallel", parallel)
    torch.save(parallel.state_dict(), parallel_file)

one_to_one = Net().to(device)
one_to_one.load_state_dict(load_file(single_file))
report("one → one", one_to_one)

one_to_many = nn.DataParallel(Net().to(device))
one_to_many.module.load_state_dict(load_file(single_file))
report("one → many", one_to_many)

many_to_many = nn.DataParallel(Net().to(device))
many_to_many.load_state_dict(load_file(parallel_file))
report("many → many", many_to_many)

many_to_one = Net().to(device)
try:
    many_to_one.load_state_dict(load_file(parallel_file))
except RuntimeError as error:
    print(error)
# 1. a new dict with a comprehension, the usual way in Python
saved = load_file(parallel_file)
many_to_one.load_state_dict({key.removeprefix("module."): tensor for key, tensor in saved.items()})
report("many → one, stripPrefix", many_to_one)

# 2. in place, with PyTorch's own function
in_place = load_file(parallel_file)
nn.modules.utils.consume_prefix_in_state_dict_if_present(in_place, "module.")
report("many → one, in place", load(in_place))

# 3. by hand, with a loop
by_hand = OrderedDict()
for key, tensor in load_file(parallel_file).items():
    by_hand[key[7:] if key.startswith("module.") else key] = tensor
report("many → one, by hand", load(by_hand))

# 4. without changing a name
wrapped = nn.DataParallel(Net().to(device))
wrapped.load_state_dict(load_file(parallel_file))
report("many → one, unwrapped", wrapped.module)

# weights_only=False runs what the file says: only for files that are one's own
whole = torch.load(whole_file, map_location="cpu", weights_only=False).state_dict()
print(f"whole model: {', '.join(whole)}")
nn.modules.utils.consume_prefix_in_state_dict_if_present(whole, "module.")
torch.save(whole, weights_file)
model = load(load_file(weights_file))
report("whole → weights → new", model)
train("new", model)
report("new", model)
