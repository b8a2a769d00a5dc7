"""inference-server.ts in Python: run it to compare."""
import argparse
import copy
import gzip
import hashlib
import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--weights")
parser.add_argument("--out")
options = parser.parse_args()

digits = pathlib.Path(__file__).resolve().parent.parent / "resume" / "data" / "digits.csv.gz"
rows = [[int(v) for v in line.split(",")] for line in gzip.open(digits, "rt").read().split()]
images = torch.tensor([row[:64] for row in rows], dtype=torch.float32) / 16
labels = torch.tensor([row[64] for row in rows])


def print_digest():
    digest = hashlib.sha256()
    for p in model.parameters():
        digest.update(p.detach().numpy().tobytes())
    print(f"sha256 of the parameters: {digest.hexdigest()}", flush=True)


torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10)).eval()
if options.weights is not None:
    model.load_state_dict(torch.load(options.weights, weights_only=True))
print_digest()

version = 0
training = False
lock = threading.Lock()  # no answer from weights of which only half are new

learner = copy.deepcopy(model).train()
optimizer = torch.optim.SGD(learner.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
generator = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True, generator=generator)


def train(epochs):
    global version, training
    torch.set_num_threads(1)
    for _ in range(epochs):
        total = 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(learner(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        with lock:
            model.load_state_dict(learner.state_dict())
            version += 1
        print(f"version {version}  loss {total / len(loader):.6f}", flush=True)
    if options.out is not None:
        torch.save(model.state_dict(), options.out)
    print_digest()
    training = False


class Handler(BaseHTTPRequestHandler):
    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self):
        self.answer({"version": version, "training": training})

    def do_POST(self):
        global training
        if self.path == "/predict":
            x = torch.tensor([self.body()], dtype=torch.float32)
            with lock, torch.no_grad():
                scores = model(x)[0]
                self.answer({"version": version, "digit": scores.argmax().item(), "scores": scores.tolist()})
        elif training:
            self.answer({"error": "a training is running"}, 400)
        else:
            training = True
            threading.Thread(target=train, args=[self.body()["epochs"]]).start()
            self.answer({"version": version, "training": training})

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
