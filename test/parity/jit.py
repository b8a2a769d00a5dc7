"""What Python sees of modules that it scripts and traces: argv[1] is a folder for the files, argv[2] one that the other side wrote into."""

import hashlib
import json
import sys
import warnings
from enum import Enum
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

import torch
from torch import nn

warnings.simplefilter("ignore")
torch.set_num_threads(1)


class Conv(nn.Module):
    """Convolution, normalisation, dropout, a list of modules, and a counter that the program changes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 3)])
        self.calls: int = 0
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 3.0]))
        self.register_buffer("absent", None)

    def forward(self, x):
        self.calls += 1
        x = self.drop(torch.relu(self.norm(self.conv(x)))).mean([2, 3])
        for block in self.blocks:
            x = block(x)
        return x * self.scale

    @torch.jit.export
    def encode(self, x):
        return self.conv(x), self.calls


class Pair(NamedTuple):
    left: torch.Tensor
    right: int


class Color(Enum):
    RED = 1
    BLUE = 2


class Values(nn.Module):
    """One method for each kind of value."""

    def forward(self, x: torch.Tensor, y: Optional[torch.Tensor] = None, scale: float = 2.0):
        return x * scale if y is None else x * scale + y

    @torch.jit.export
    def mixed(self, i: int, f: float, b: bool, s: str, n: Optional[int] = None) -> Dict[str, str]:
        return {"i": str(i), "f": str(f), "b": str(b), "s": s, "n": str(n)}

    @torch.jit.export
    def containers(self, d: Dict[str, torch.Tensor], t: Tuple[int, float], xs: List[List[int]]):
        total = 0
        for row in xs:
            for v in row:
                total += v
        return {"sum": d["a"] + d["b"]}, (t[1], t[0]), xs, total

    @torch.jit.export
    def numbered(self, d: Dict[int, float]) -> Dict[int, str]:
        return {k: str(v) for k, v in d.items()}

    @torch.jit.export
    def pair(self, p: Pair) -> Pair:
        return Pair(p.left + 1, p.right * 2)

    @torch.jit.export
    def either(self, v: Union[int, str, List[int]]) -> str:
        if isinstance(v, int):
            return "int"
        elif isinstance(v, str):
            return "str"
        return "list"

    @torch.jit.export
    def color(self, c: Color) -> Tuple[Color, int]:
        return c, c.value

    @torch.jit.export
    def made(self, dtype: int, device: torch.device) -> torch.Tensor:
        return torch.ones([2], dtype=dtype, device=device)

    @torch.jit.export
    def big(self, i: int) -> int:
        return i + 1

    @torch.jit.export
    def fails(self, x: torch.Tensor) -> torch.Tensor:
        if x.numel() > 2:
            raise ValueError("too many")
        return x.view(7)


class Attributes(nn.Module):
    """An attribute of each kind."""

    def __init__(self):
        super().__init__()
        self.i: int = 3
        self.f: float = 1.5
        self.b: bool = True
        self.s: str = "text"
        self.none: Optional[int] = None
        self.ints: List[int] = [1, 2]
        self.words: Dict[str, int] = {"b": 1, "a": 2}
        self.numbers: Dict[int, str] = {2: "x", 1: "y"}
        self.pair: Tuple[int, str] = (1, "p")
        self.tensors: List[torch.Tensor] = [torch.ones(2)]
        self.plain = torch.arange(3)
        self.weight = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.zeros(2), requires_grad=False)

    def forward(self) -> float:
        return self.f * self.i + len(self.ints)


class Hooked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return self.fc(x)


def before(self, input: Tuple[torch.Tensor]) -> Tuple[torch.Tensor]:
    return (input[0] * 2,)


def after(self, input: Tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
    return output + 1


class Traced(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
        self.tied = self.net[2]

    def forward(self, batch: Dict[str, torch.Tensor], pair: Tuple[torch.Tensor, torch.Tensor]):
        return {"out": self.tied(self.net[:2](batch["x"])) * pair[0]}, pair[1] + 1


def d(t):
    t = t.detach().contiguous()
    data = t.reshape(-1).view(torch.uint8).numpy().tobytes()
    return f"{str(t.dtype)[6:]}{list(t.shape)}".replace(" ", "") + hashlib.sha256(data).hexdigest()[:16]


def state(m):
    sd = m.state_dict()
    return {"repr": repr(m), "keys": list(sd), "bytes": [d(v) for v in sd.values()],
            "metadata": {k: dict(v) for k, v in sd._metadata.items()},
            "parameters": [n for n, _ in m.named_parameters()], "buffers": [n for n, _ in m.named_buffers()],
            "children": [n for n, _ in m.named_children()], "modules": [n for n, _ in m.named_modules()],
            "grad": [p.requires_grad for p in m.parameters()]}


def error(call):
    try:
        call()
    except Exception as e:
        return str(e)
    return "no error"


def train(m, make, x):
    torch.manual_seed(7)
    m.train()
    optimizer = make(m.parameters())
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = m(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(d(loss))
    return {"losses": losses, "grads": [d(p.grad) for p in m.parameters()], "state": state(m), "calls": m.calls}


def write(folder):
    torch.manual_seed(0)
    hooked = Hooked()
    hooked.register_forward_pre_hook(before)
    hooked.register_forward_hook(after)
    modules = {"conv": Conv(), "values": Values(), "attributes": Attributes(), "hooked": hooked}
    for name, module in modules.items():
        torch.jit.script(module).save(f"{folder}/{name}.pt", _extra_files={"notes.txt": "of " + name})
    inputs = ({"x": torch.ones(2, 3)}, (torch.ones(1), torch.ones(1)))
    torch.jit.trace(Traced(), inputs, strict=False).save(f"{folder}/traced.pt")
    quantized = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 3)), {nn.Linear}, torch.qint8)
    torch.jit.script(quantized).save(f"{folder}/quantized.pt")
    torch.jit.script(Conv().double().eval()).save(f"{folder}/double.pt")
    seen = {}
    load = lambda name: torch.jit.load(f"{folder}/{name}.pt")
    for name in [*modules, "traced", "double"]:
        seen[name] = state(load(name))
        seen[name + " code"] = load(name).code
        seen[name + " graph"] = [str(load(name).graph), str(load(name).inlined_graph)]
    x = torch.arange(128.0).reshape(2, 1, 8, 8) / 100
    m = load("conv")
    torch.manual_seed(5)
    seen["forward"] = [d(m(x)), d(m(x)), d(m(x)), m.calls, d(m.encode(x)[0]), d(m.eval()(x))]
    seen["SGD"] = train(load("conv"), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), x)
    seen["Adam"] = train(load("conv"), lambda p: torch.optim.Adam(p, 0.01), x)
    h = load("hooked")
    seen["hooked call"] = d(h(torch.ones(1, 2)))
    t = load("traced")
    out, other = t({"x": torch.ones(2, 3)}, (torch.full([1], 2.0), torch.zeros(1)))
    seen["traced call"] = [d(out["out"]), d(other)]
    seen["quantized call"] = d(load("quantized")(torch.ones(2, 4)))
    f = torch.jit.freeze(load("conv").eval(), ["encode"])
    seen["frozen"] = [state(f), d(f(x)), d(f(x)), f.code, error(lambda: torch.jit.freeze(load("conv"))),
                      error(lambda: torch.jit.freeze(nn.Linear(1, 1)))]
    v, c = load("values"), load("conv")
    one = torch.ones(1)
    seen["errors"] = [
        error(lambda: v()), error(lambda: v(one, one, 1.0, 2)), error(lambda: v(one, z=1)),
        error(lambda: v.fails(torch.ones(3))).splitlines()[-1], error(lambda: v.fails(one)).splitlines()[-1],
        error(lambda: c.load_state_dict({"scale": torch.ones(2)})),
        error(lambda: c.__setattr__("conv", nn.Linear(1, 1))),
    ]
    seen["mismatches"] = [error(lambda: v(3)), error(lambda: v(one, scale="a")), error(lambda: v.containers({"a": one}, (1,), []))]
    return seen


def read(folder):
    seen = {}
    for name in ["conv", "attributes", "traced", "bytes"]:
        extra = {"notes.txt": ""}
        m = torch.jit.load(f"{folder}/{name}.pt", _extra_files=extra)
        seen[name] = [state(m), extra["notes.txt"].decode()]
    m = torch.jit.load(f"{folder}/conv.pt")
    seen["calls"] = [m.calls, m.training]
    a = torch.jit.load(f"{folder}/attributes.pt")
    seen["attributes values"] = [a.i, a.f, a.s, a.none, a.ints, a.words, list(a.numbers.items()), list(a.pair), a()]
    return seen


print(json.dumps(write(sys.argv[2]) if sys.argv[1] == "write" else read(sys.argv[2])))
