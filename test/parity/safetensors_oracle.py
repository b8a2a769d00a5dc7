"""The files of safetensors.test.ts, made by the format's own library.

`write DIR` saves every case as DIR/<name>.safetensors, `shards DIR` models in several files; both print what is in them as JSON.
`check DIR` reads what Node made of the cases, DIR/<name>.node.safetensors, by torch.load. `judge DIR` says for every file of a
folder what the library reads, or why it refuses it.
"""
import hashlib
import json
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

DTYPES = (
    "bool uint8 int8 int16 uint16 int32 uint32 int64 uint64 float16 bfloat16 float32 float64 complex64 "
    "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2"
).split()


def filled(dtype, *shape):
    """Every bit pattern that chance gives, NaNs with payloads among them."""
    kind = getattr(torch, dtype)
    if kind == torch.bool:
        return torch.randint(0, 2, shape).bool()
    size = torch.empty(0, dtype=kind).element_size()
    count = size
    for length in shape:
        count *= length
    return torch.randint(0, 256, (count,), dtype=torch.uint8).view(kind).reshape(shape)


def cases():
    torch.manual_seed(0)
    yield "nothing", {}, None
    yield "metadata_alone", {}, {"format": "pt"}
    for dtype in DTYPES:
        yield dtype, {"x": filled(dtype, 3, 4), "a": filled(dtype, 5)}, None
        yield f"{dtype}_empty", {"x": filled(dtype, 0), "y": filled(dtype, 2, 0, 3), "z": filled(dtype, 2)}, None
    for dtype in DTYPES[:-1]:
        yield f"{dtype}_scalar", {"x": filled(dtype), "y": filled(dtype, 1)}, {"format": "pt"}
    yield "all_dtypes", {f"w{i}": filled(dtype, 1 + i % 3, 2) for i, dtype in enumerate(DTYPES)}, {"format": "pt"}
    names = ["", "a", "A", "a.b.0.weight", "10", "9", "0", "__proto__", "constructor", "_metadata", "toString", "hasOwnProperty"]
    yield "names", {name: filled("int16", i + 1) for i, name in enumerate(names)}, None
    odd = ['"', "\\", "\n\t\b\f\r", "\x00\x01\x1f\x7f", "/", "é", "\u2028", "\uffff", "\U0001f600", "\ud7ff", "𐀀", "z"]
    yield "odd_names", {name: filled("uint8", i + 1) for i, name in enumerate(odd)}, {"schlüssel\n\"": "wert \U0001f600\\\x01"}
    yield "empty_metadata", {"x": filled("uint8", 3)}, {}
    yield "odd_metadata", {"x": filled("uint8", 3)}, {"__proto__": "p"}
    yield "unaligned", {"x": filled("uint8", 3), "y": filled("float64", 1), "z": filled("bool", 1), "w": filled("bfloat16", 1)}, None
    yield "large", {"big": filled("float32", 3, 1 << 20), "b": filled("uint8", 5), "a": filled("float32", 2)}, None
    yield "pieces", {"a": filled("uint8", 8 << 20), "b": filled("uint8", (8 << 20) + 1), "c": filled("uint8", 16 << 20)}, None
    yield "many", {f"layers.{i}.weight": filled("float32", i % 5, 3) for i in range(3000)}, {"format": "pt"}
    yield "reads", {"a": filled("uint8", 4 << 20), "b": filled("uint8", (4 << 20) + 1), "c": filled("uint8", 9 << 20)}, None
    yield "deep", {"x": filled("uint8", *([1] * 40), 2)}, None
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))
    yield "model", net.state_dict(), {"format": "pt"}
    yield "half_model", net.half().state_dict(), {"format": "pt"}
    base = filled("float32", 10)
    yield "parts_of_one_storage", {"a": base[:4], "b": base[4:]}, None


def view(tensor):
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return [str(tensor.dtype)[6:], list(tensor.shape), hashlib.sha256(data).hexdigest()]


def write(folder):
    seen = {}
    for name, tensors, metadata in cases():
        path = folder / f"{name}.safetensors"
        save_file(tensors, path, metadata=metadata)
        with safe_open(path, "pt") as opened:
            order, kept = opened.offset_keys(), opened.metadata()
        loaded = load_file(path)
        seen[name] = {"tensors": [[key, *view(loaded[key])] for key in order], "metadata": kept}
    return seen


def check(folder):
    seen = {}
    for path in folder.glob("*.node.safetensors"):
        original = folder / path.name.replace(".node.", ".")
        opened = torch.load(path)
        seen[path.name.split(".")[0]] = {
            "same": path.read_bytes() == original.read_bytes(),
            "opens": {key: view(value) for key, value in opened.items()}
            == {key: view(value) for key, value in load_file(original).items()},
        }
    return seen


def judge(folder):
    seen = {}
    for path in folder.iterdir():
        try:
            seen[path.name] = {"tensors": {key: view(value) for key, value in load_file(path).items()}}
        except Exception as error:
            seen[path.name] = {"error": f"{type(error).__name__}: {error}"}
    return seen


def shards(folder):
    """A model in two files of each kind, with the indexes that Python's libraries write."""
    torch.manual_seed(1)
    tensors = {f"layers.{i}.weight": filled("bfloat16", i + 1, 3) for i in range(12)}
    for stem, ending in (("model", "safetensors"), ("pytorch_model", "bin")):
        files = [f"{stem}-{i + 1:05}-of-00002.{ending}" for i in range(2)]
        weight_map = {name: files[i > 6] for i, name in enumerate(tensors)}
        for file in files:
            part = {name: tensor for name, tensor in tensors.items() if weight_map[name] == file}
            save_file(part, folder / file, {"format": "pt"}) if ending == "safetensors" else torch.save(part, folder / file)
        index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}
        (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    return [[name, *view(tensors[name])] for name in sorted(tensors)]


commands = {"shards": shards, "write": write, "check": check, "judge": judge}
print(json.dumps(commands[sys.argv[1]](pathlib.Path(sys.argv[2]))))
