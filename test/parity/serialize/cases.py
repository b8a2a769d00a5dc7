"""Values to save before 1.6, and what Python sees of a value, for legacy.py."""
import argparse
import collections
import datetime
import enum
import hashlib
import pathlib
import struct
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")


class Color(enum.Enum):
    RED = 1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)
        self.w = nn.Parameter(torch.zeros(1))
        self.seq = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).mean((2, 3))) + self.w


def trained(optimizer, **options):
    torch.manual_seed(0)
    net = Net()
    made = optimizer(net.parameters(), **options)
    scheduler = torch.optim.lr_scheduler.StepLR(made, 3)
    net(torch.randn(2, 1, 5, 5)).sum().backward()
    made.step()
    scheduler.step()
    return net, made, scheduler


def tagged(tensor, **attributes):
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor


def cases():
    net, adam, scheduler = trained(torch.optim.Adam, lr=1.0, weight_decay=1)
    _, sgd, _ = trained(torch.optim.SGD, lr=0.1, momentum=0.9)
    yield "state_dict", net.state_dict()
    yield "adam", adam.state_dict()
    yield "sgd", sgd.state_dict()
    yield "sgd_without_state", torch.optim.SGD(net.parameters(), lr=0.1).state_dict()
    yield "scheduler", scheduler.state_dict()
    checkpoint = {
        "epoch": 3,
        "model_state_dict": net.state_dict(),
        "ema": net.state_dict(),
        "optimizer_state_dict": adam.state_dict(),
        "lr_schedule": scheduler.state_dict(),
        "loss": nn.CrossEntropyLoss(),
        "args": argparse.Namespace(lr=0.1, epochs=10, name="x", whole=1.0, data="a/b"),
        "rng": torch.get_rng_state(),
    }
    yield "checkpoint", checkpoint
    yield "model", net
    yield "data_parallel", nn.DataParallel(net)
    yield "optimizer_object", adam
    yield "scheduler_object", scheduler
    yield "bound_method", net.state_dict
    yield "ints", [0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -1, -128, -129, -(2**31), -(2**31) - 1, 2**53 - 1,
                   2**53 + 1, 2**63, 2**64, -(2**63), -(2**64), 2**2000, -(2**2039), 127 << 320]
    yield "floats", [0.0, -0.0, 1.0, 1.5, float("inf"), float("-inf"), float("nan"), 1e300, -2.0, 1e16, 5e-324]
    yield "strings", ["", "a", "é", "日本", "\ud800x", "a" * 300, "😀", "a.b", "a.b", "x", "x", "latin1", "cpu", "storage"]
    yield "bytes", [b"abc", b"\xff\x00", bytearray(b"abc"), bytearray(), b"abc"]
    yield "sets", [{1, 2, 3}, frozenset([1]), set(), {"a"}]
    for n in (1, 2, 999, 1000, 1001, 2000):
        yield f"dict_{n}", {i: str(i) for i in range(n)}
        yield f"list_{n}", list(range(n))
        yield f"ordered_{n}", collections.OrderedDict((str(i), 1.0) for i in range(n))
    yield "deque_1001", collections.deque(range(1001))
    yield "tuples", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((1,),) * 2]
    yield "integer_like_keys", {"10": 1, "9": 2, "a": 3, "0": 4}
    yield "prototype_keys", {"__proto__": 1, "constructor": 2, "toString": [1], "hasOwnProperty": {"__proto__": 3}}
    yield "mixed_keys", {1: "a", "b": 2, (1, 2): 3, None: 4, 1.5: 5}
    yield "ordered_with_attribute", tagged(collections.OrderedDict(a=1), x=1.0)
    recursive = []
    recursive.append(recursive)
    yield "recursive_list", recursive
    recursive = {}
    recursive["self"] = recursive
    yield "recursive_dict", recursive
    for n in (1, 5):
        recursive = tuple([1] * (n - 1) + [[]])
        recursive[-1].append(recursive)
        yield f"recursive_tuple_{n}", recursive
    yield "torch_values", {"a": torch.float32, "b": torch.float32, "cpu": torch.device("cpu"), "gpu": torch.device("cuda:1"),
                           "size": torch.Size([1, 2]), "scheme": torch.per_tensor_affine, "layout": torch.strided, "c": 1 + 2j}
    yield "collections", [collections.Counter("aab"), collections.defaultdict(list, {"a": [1]}), collections.deque([1, 2])]
    yield "python_objects", [Color.RED, pathlib.PurePosixPath("/a/b"), datetime.timedelta(1), range(3), slice(1, 2), Ellipsis,
                             torch.relu, len, int, type(None), ValueError("x")]
    yield "numpy", {"f": numpy.float64(1.5), "w": numpy.float32(2), "i": numpy.int64(3), "b": numpy.bool_(True),
                    "a": numpy.arange(6).reshape(2, 3), "fortran": numpy.asfortranarray(numpy.zeros((2, 3))),
                    "text": numpy.array(["a"]), "big": numpy.arange(3, dtype=">i4"), "by": b"xx"}
    yield from tensor_cases()


def tensor_cases():
    x = torch.arange(12.0).reshape(3, 4)
    yield "views", {"x": x, "t": x.t(), "slice": x[1:, ::2], "same": x, "expanded": torch.ones(1).expand(5),
                    "empty": torch.empty(0, 3), "scalar": torch.tensor(1.0), "nothing": torch.empty(0)}
    old = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
           torch.uint8, torch.bool, torch.complex64, torch.complex128)
    new = (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.uint16, torch.uint32,
           torch.uint64, torch.complex32)
    for dtype in old + new:
        size = torch.empty(0, dtype=dtype).element_size()
        raw = torch.arange(size * 3, dtype=torch.uint8) % (2 if dtype == torch.bool else 61)
        yield f"dtype_{str(dtype)[6:]}", raw.view(dtype)
    yield "conj_and_neg", [torch.tensor([1 + 2j, 3 - 1j]).conj(), torch.tensor([1 + 2j, 3 - 1j]).conj().imag]
    parameter = nn.Parameter(torch.ones(2))
    yield "parameters", [parameter, parameter, tagged(nn.Parameter(torch.zeros(2), requires_grad=False), tag="x")]
    yield "attributes", tagged(torch.zeros(2), tag=1.0)
    yield "buffers", [nn.Buffer(torch.ones(2)), nn.Buffer(torch.ones(2), persistent=False)]
    yield "requires_grad", torch.ones(2, requires_grad=True)
    yield "meta", torch.empty(3, 4, device="meta")
    yield "sparse_coo", torch.eye(3).to_sparse()
    yield "sparse_csr", torch.eye(3).to_sparse_csr()
    yield "sparse_csc", torch.eye(3).to_sparse_csc()
    yield "quantized_per_tensor", torch.quantize_per_tensor(x, 0.5, 10, torch.quint8)
    yield "quantized_whole_scale", torch.quantize_per_tensor(x, 1.0, 0, torch.qint32)
    scales, zero_points = torch.tensor([0.5, 0.25, 1.0], dtype=torch.float64), torch.tensor([0, 1, 2])
    yield "quantized_per_channel", torch.quantize_per_channel(x, scales, zero_points, 0, torch.qint8)
    yield "tied", {"encoder.weight": x, "decoder.weight": x.view(4, 3)}
    yield "untyped_storage", [torch.arange(6, dtype=torch.uint8).untyped_storage(), torch.arange(3).storage()]
    yield "many", {f"layer{i}.weight": torch.full((2, 2), float(i)) for i in range(300)}


def number(value):
    return ["number", struct.pack(">d", value).hex()]


def view(o, seen=()):
    """What JavaScript sees of a value."""
    if id(o) in [id(s) for s in seen]:
        return ["again", len(seen) - [id(s) for s in seen].index(id(o))]
    inside = (*seen, o)
    if o is None or isinstance(o, bool):
        return o
    if isinstance(o, numpy.generic):
        return view(o.item(), seen)
    if isinstance(o, int):
        return number(o) if abs(o) < 2**53 else ["bigint", str(o)]
    if isinstance(o, float):
        return ["number", "nan"] if o != o else number(o)
    if isinstance(o, str):
        return ["string", [ord(c) for c in o] if any(0xD800 <= ord(c) < 0xE000 for c in o) else o]
    if isinstance(o, (bytes, bytearray)):
        return ["bytes", o.hex()]
    if isinstance(o, torch.Tensor):
        return tensor_view(o)
    if isinstance(o, (torch.UntypedStorage, torch.TypedStorage)):
        dtype = o.dtype if isinstance(o, torch.TypedStorage) else torch.uint8
        return tensor_view(torch.empty(0, dtype=dtype).set_(o))
    if isinstance(o, torch.dtype):
        return ["string", str(o)[6:]]
    if isinstance(o, (torch.device, torch.layout)):
        return ["string", str(o)]
    if isinstance(o, tuple):
        return ["tuple", [view(i, inside) for i in o]]
    if isinstance(o, list):
        return ["list", [view(i, inside) for i in o]]
    if isinstance(o, (set, frozenset)):
        return ["set", sorted((view(i, inside) for i in o), key=str)]
    if isinstance(o, numpy.ndarray) and o.dtype.kind in "biuf":
        # arrays are read in C order
        return tensor_view(torch.from_numpy(numpy.ascontiguousarray(o.astype(o.dtype.newbyteorder("=")))))
    if isinstance(o, dict):
        keys = all(isinstance(k, str) for k in o)
        items = [[view(k, inside), view(v, inside)] for k, v in o.items()]
        if keys and any(k.isdigit() for k in o):
            items.sort(key=str)
        return ["object" if keys else "map", items]
    return ["python"]


def tensor_view(t):
    kind = "Parameter" if isinstance(t, nn.Parameter) else "Buffer" if getattr(t, "_is_buffer", False) else "Tensor"
    if t.is_meta:
        return ["tensor", kind, str(t.dtype)[6:], list(t.shape), "meta"]
    if t.layout != torch.strided:
        return ["tensor", kind, str(t.dtype)[6:], list(t.shape), str(t.layout)[6:], tensor_view(t.to_dense())]
    if t.is_quantized:
        return ["tensor", kind, str(t.dtype)[6:], list(t.shape), "quantized", tensor_view(t.dequantize())]
    raw = t.detach().resolve_conj().resolve_neg().contiguous().flatten()
    data = raw.view(torch.uint8).numpy().tobytes() if raw.numel() else b""
    return ["tensor", kind, str(t.dtype)[6:], list(t.shape), list(t.stride()), t.requires_grad, hashlib.sha256(data).hexdigest()]
