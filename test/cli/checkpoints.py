"""The files of the tests of `inspect`, `diff` and their like.

`checkpoints.py write DIR` saves every case as DIR/<name>.pt, and as DIR/<name>.legacy.pt in the format before 1.6, and prints
what is in it as JSON: the tensors by their paths, the bytes of the storages, the names that weights_only=True refuses.
`checkpoints.py huge DIR` makes files of tens of GB, which are holes but for their structure.
"""
import argparse
import collections
import contextlib
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.rnn = nn.LSTM(2, 3)
        self.head = nn.Sequential(nn.Linear(3, 2, bias=False), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)
        self.register_buffer("mask", torch.zeros(2, dtype=torch.bool), persistent=False)


class Tagged(torch.Tensor):
    pass


def tagged(tensor, **attributes):
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor


def trained():
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW([{"params": [net.weight], "lr": 0.5}, {"params": [net.bias]}], lr=0.001)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    net(torch.randn(2, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    return optimizer, scheduler


def cases():
    torch.manual_seed(0)
    net = Net()
    optimizer, scheduler = trained()
    embedding = torch.arange(12.0).reshape(3, 4)
    yield "checkpoint", {
        "epoch": 12,
        "global_step": numpy.int64(3400),
        "model_state_dict": nn.DataParallel(net).state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "best_acc": numpy.float64(0.5),
        "loss": numpy.float32(0.1),
        "tied": {"encoder.weight": embedding, "decoder.weight": embedding.t(), "slice": embedding[1:, ::2]},
        "args": argparse.Namespace(lr=0.1, epochs=10, name="x\x1b[31m", device=None, betas=(0.9, 0.999), milestones=[30, 60]),
        "config": {"batch_size": 32, "nested": {"depth": 2}},
        "rng": torch.get_rng_state(),
    }
    yield "state_dict", net.state_dict()
    yield "model", net
    yield "data_parallel", nn.DataParallel(net)
    yield "bound_method", net.state_dict
    yield "optimizer", optimizer
    yield "empty", {}
    yield "tensor", torch.ones(2, 3)
    yield "views", {"whole": embedding, "expanded": torch.ones(1).expand(5), "none": torch.empty(0, 3), "scalar": torch.tensor(1),
                    "part": torch.zeros(100)[5:7], "again": embedding}
    old = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
           torch.uint8, torch.bool, torch.complex64, torch.complex128)
    new = (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
           torch.uint16, torch.uint32, torch.uint64, torch.complex32, torch.float4_e2m1fn_x2)
    for dtype in old + new:
        size = torch.empty(0, dtype=dtype).element_size()
        yield f"dtype_{str(dtype)[6:]}", [torch.zeros(size * 6, dtype=torch.uint8).view(dtype).reshape(2, 3)]
    parameter = nn.Parameter(torch.ones(2))
    yield "parameters", [parameter, parameter, tagged(nn.Parameter(torch.zeros(2), requires_grad=False), tag="x")]
    yield "attributes", tagged(torch.zeros(2), tag=1.0, more=torch.ones(1))
    yield "subclass", {"t": torch.ones(2).as_subclass(Tagged), "b": nn.Buffer(torch.ones(2))}
    yield "requires_grad", {"leaf": torch.ones(2, requires_grad=True)}
    yield "meta", {"m": torch.empty(3, 4, device="meta", dtype=torch.bfloat16)}
    yield "sparse", {"coo": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr(), "csc": torch.eye(4).to_sparse_csc()}
    yield "quantized", {"tensor": torch.quantize_per_tensor(embedding, 0.5, 10, torch.quint8),
                        "channel": torch.quantize_per_channel(embedding, torch.ones(3).double(), torch.arange(3), 0, torch.qint8)}
    yield "conj", {"c": torch.tensor([1 + 2j]).conj(), "n": torch.tensor([1 + 2j]).conj().imag}
    yield "numpy", {"a": numpy.arange(6).reshape(2, 3), "h": numpy.zeros((2, 2), dtype="f2"), "b": numpy.bool_(True)}
    yield "containers", [collections.OrderedDict(a=torch.ones(1)), collections.defaultdict(list, {"b": [torch.ones(1)]}),
                         (torch.ones(2), [torch.ones(3)]), {1: torch.ones(4), (1, "x"): torch.ones(5), None: torch.ones(6)},
                         collections.deque([torch.ones(7)]), {"\x1b]0;evil\x07": torch.ones(8), "é 日本 😀": torch.ones(9)}]
    yield "keys", {'quote " and \\': torch.ones(1), "__proto__": torch.ones(2), "": torch.ones(3), "10": torch.ones(4), "9": torch.ones(5)}
    yield "storages", [torch.arange(6, dtype=torch.uint8).untyped_storage(), torch.arange(3).storage()]


def contents(root):
    """Every tensor with its path, each once, and the bytes of all storages."""
    tensors, seen, storages, alive = [], set(), {}, []

    def keep(storage):
        alive.append(storage)
        if storage.device.type != "meta":
            storages[storage.data_ptr() if storage.nbytes() else (id(storage),)] = storage.nbytes()

    def note(tensor):
        layout = tensor.layout
        if layout == torch.sparse_coo:
            return note(tensor._indices()) + note(tensor._values())
        if layout in (torch.sparse_csr, torch.sparse_bsr):
            return note(tensor.crow_indices()) + note(tensor.col_indices()) + note(tensor.values())
        if layout in (torch.sparse_csc, torch.sparse_bsc):
            return note(tensor.ccol_indices()) + note(tensor.row_indices()) + note(tensor.values())
        keep(tensor.untyped_storage())
        if tensor.is_quantized and tensor.qscheme() != torch.per_tensor_affine:
            note(tensor.q_per_channel_scales()), note(tensor.q_per_channel_zero_points())
        return tensor.numel() * tensor.element_size()

    def step(key):
        return f"[{json.dumps(key, ensure_ascii=False)}]" if isinstance(key, str) else f"[{key!r}]"

    def walk(value, path):
        if isinstance(value, (torch.Tensor, numpy.ndarray, list, tuple, dict, nn.Module, torch.optim.Optimizer)):
            if id(value) in seen and not (isinstance(value, tuple) and not value):
                return
            seen.add(id(value))
        if isinstance(value, torch.Tensor):
            kind = "Parameter" if isinstance(value, nn.Parameter) else "Buffer" if isinstance(value, nn.Buffer) else type(value)
            kind = kind if isinstance(kind, str) else "Tensor" if kind is torch.Tensor else f"{kind.__module__}.{kind.__name__}"
            place = len(tensors)
            tensors.append([path, kind, str(value.dtype)[6:], list(value.shape), value.device.type, note(value), value.requires_grad])
            for name, attribute in getattr(value, "__dict__", {}).items():
                if isinstance(attribute, torch.Tensor):
                    walk(attribute, f"{path}.{name}")
            # a tensor is told after what it carries
            tensors.append(tensors.pop(place))
        elif isinstance(value, numpy.ndarray):
            tensors.append([path, "numpy.ndarray", str(value.dtype), list(value.shape), "cpu", value.nbytes, False])
            storages[id(value)] = value.nbytes
        elif isinstance(value, torch.UntypedStorage):
            keep(value)
        elif isinstance(value, torch.TypedStorage):
            keep(value._untyped_storage)
        elif isinstance(value, nn.Module):
            for group in (value._parameters, value._buffers, value._modules):
                for name, child in group.items():
                    walk(child, f"{path}.{name}")
        elif isinstance(value, (argparse.Namespace, torch.optim.Optimizer)):
            state = value.__getstate__() if isinstance(value, torch.optim.Optimizer) else vars(value)
            for name, attribute in state.items():
                walk(attribute, f"{path}.{name}")
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(item, path + (f"[{type(key).__name__}]" if isinstance(key, torch.Tensor) else step(key)))
        elif isinstance(value, (list, tuple, collections.deque)):
            for i, item in enumerate(value):
                walk(item, f"{path}[{i}]")
        elif hasattr(value, "__self__") and isinstance(value.__self__, nn.Module):
            walk(value.__self__, f"{path}.args[0]")

    walk(root, "")
    return tensors, sum(storages.values())


class ById(pickle.Pickler):
    """The main pickle of a file of PyTorch 0.1, in which tensors are numbers."""

    def __init__(self, file, numbers):
        super().__init__(file, protocol=2)
        self.numbers = numbers

    def persistent_id(self, value):
        return self.numbers.get(id(value)) if isinstance(value, torch.Tensor) else None


def tar(path, root, tensors, nbytes=None):
    """A file of PyTorch 0.1, which no PyTorch of today writes. With `nbytes` each storage is a hole of so many bytes."""
    described, head = pickle.dumps(len(tensors), 2), pickle.dumps(len(tensors), 2)
    stored = [head]
    for number, tensor in enumerate(tensors):
        kind = {torch.float32: "Float", torch.int64: "Long"}[tensor.dtype]
        storage = tensor.untyped_storage()
        numel = (nbytes or storage.nbytes()) // tensor.element_size()
        stored.append(pickle.dumps((1000 + number, "cpu", getattr(torch, kind + "Storage")), 2) + struct.pack("<q", numel))
        stored.append(nbytes or bytes(storage.tolist()))
        shape, stride = ([numel], [1]) if nbytes else (tensor.shape, tensor.stride())
        described += pickle.dumps((number, 1000 + number, getattr(torch, kind + "Tensor")), 2)
        described += struct.pack(f"<i4x{len(shape)}q{len(shape)}qq", len(shape), *shape, *stride, tensor.storage_offset())
    stored.append(pickle.dumps([], 2))
    main = io.BytesIO()
    ById(main, {id(tensor): number for number, tensor in enumerate(tensors)}).dump(root)
    with open(path, "wb") as file:
        for name, parts in (("pickle", [main.getvalue()]), ("tensors", [described]), ("storages", stored)):
            member = tarfile.TarInfo(name)
            member.size = sum(part if isinstance(part, int) else len(part) for part in parts)
            file.write(member.tobuf(tarfile.GNU_FORMAT))
            for part in parts:
                file.seek(part, os.SEEK_CUR) if isinstance(part, int) else file.write(part)
            file.seek(-file.tell() % 512, os.SEEK_CUR)
        file.write(bytes(1024))


def write(folder):
    written = {}
    a, b = torch.arange(12.0).reshape(3, 4).t(), torch.arange(6)
    path = os.path.join(folder, "tar.tar")
    tar(path, {"epoch": 1, "model": collections.OrderedDict(w=a, same=a), "n": [b]}, [a, b])
    tensors, nbytes = contents(torch.load(path, weights_only=False))
    written["tar"] = {"tensors": tensors, "bytes": nbytes, "unsafe": [], "size": os.stat(path).st_size}
    for name, value in cases():
        path = os.path.join(folder, f"{name}.pt")
        torch.save(value, path)
        with contextlib.suppress(Exception):
            torch.save(value, os.path.join(folder, f"{name}.legacy.pt"), _use_new_zipfile_serialization=False)
        tensors, nbytes = contents(value)
        unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        written[name] = {"tensors": tensors, "bytes": nbytes, "unsafe": sorted(unsafe), "size": os.stat(path).st_size}
    print(json.dumps(written))


def huge(folder):
    with torch.serialization.skip_data():
        layers = {f"layer{i}.weight": torch.empty(2**30) for i in range(12)}
        torch.save({"epoch": 3, "model": layers}, os.path.join(folder, "huge.pt"))

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, str(value[0]), "cpu", value[1], None) if isinstance(value, Key) else None

    with open(os.path.join(folder, "huge.legacy.pt"), "wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}):
            pickle.dump(head, file, protocol=2)
        Pickler(file, protocol=2).dump({f"layer{i}": Rebuilt(Key((i, 2**30))) for i in range(12)})
        keys = sorted(str(i) for i in range(12))
        pickle.dump(keys, file, protocol=2)
        for _ in keys:
            file.write(struct.pack("<q", 2**30))
            file.seek(2**32, os.SEEK_CUR)
        file.truncate()

    ones = [torch.ones(1) for _ in range(12)]
    tar(os.path.join(folder, "huge.tar"), dict(enumerate(ones)), ones, 2**32)

    header = json.dumps({f"l{i}": {"dtype": "F32", "shape": [2**20, 2**10], "data_offsets": [i * 2**32, (i + 1) * 2**32]}
                         for i in range(12)}).encode()
    with open(os.path.join(folder, "huge.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 12 * 2**32)


class Key(tuple):
    pass


class Rebuilt:
    def __init__(self, key):
        self.key = key

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, (self.key, 0, (2**30,), (1,), False, collections.OrderedDict())


if __name__ == "__main__":
    {"write": write, "huge": huge}[sys.argv[1]](sys.argv[2])
