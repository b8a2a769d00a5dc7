"""The files of legacy.test.ts: formats of PyTorch before 1.6.

`legacy.py write DIR` saves every case in them and prints what Python reads from each as JSON; `legacy.py check DIR` reads what
Node made of them, DIR/<name>.out.pt, and prints for each the same, and whether it is Python's own file but for the keys of
the storages, which are addresses in memory there.
"""
import hashlib
import io
import json
import pathlib
import pickle
import pickletools
import struct
import sys
import tarfile
from collections import OrderedDict

import torch
from torch import nn

import cases

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.bn = nn.BatchNorm1d(2)
        self.seq = nn.Sequential(nn.Linear(2, 2), nn.ReLU())


class Call:
    """A call of a global as old versions wrote it, whether or not the global is still there."""

    def __init__(self, path, *args, state=None, new=False):
        self.path, self.args, self.state, self.new = path, args, state, new


class Id:
    """A persistent id."""

    def __init__(self, *id):
        self.id = id[0] if len(id) == 1 else id


class OldPickler(pickle._Pickler):
    dispatch = dict(pickle._Pickler.dispatch)

    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Id) else None

    def save_call(self, obj):
        if id(obj) in self.memo:
            return self.write(self.get(self.memo[id(obj)][0]))
        self.name(obj.path)
        self.save(obj.args)
        self.write(pickle.NEWOBJ if obj.new else pickle.REDUCE)
        self.memoize(obj)
        if obj.state is not None:
            self.save(obj.state)
            self.write(pickle.BUILD)

    def name(self, path):
        module, _, name = path.rpartition(".")
        self.write(f"c{module}\n{name}\n".encode())

    dispatch[Call] = save_call


class Name(Call):
    """A global itself."""


OldPickler.dispatch[Name] = lambda self, obj: self.name(obj.path)


def dumped(obj, protocol=2):
    out = io.BytesIO()
    OldPickler(out, protocol).dump(obj)
    return out.getvalue()


def stream(root, storages, protocol=2, little=True, big_counts=False):
    """A file of 0.1.10 to 1.5: `storages` are keys and flat tensors."""
    parts = [MAGIC, VERSION, {"protocol_version": VERSION, "little_endian": little,
                              "type_sizes": {"short": 2, "int": 4, "long": 4}}, root, sorted(storages)]
    data = b"".join(dumped(part, protocol) for part in parts)
    for key in sorted(storages):
        data += struct.pack(">q" if big_counts else "<q", storages[key].numel()) + storages[key].numpy().tobytes()
    return data


def kind_of(tensor):
    return tensor.storage()._pickle_storage_type()


def storage(key, tensor, view=None, location="cpu"):
    return Id("storage", Name("torch." + kind_of(tensor)), key, location, tensor.numel(), view)


def rebuild(storage, offset, size, stride):
    return Call("torch._utils._rebuild_tensor", storage, offset, size, stride)


def streams():
    """Files that today's Python does not write and still reads."""
    numbers = torch.arange(12.0)
    longs = torch.arange(6)
    yield "views_of_storages", stream(
        {
            "whole": rebuild(storage("1", numbers), 0, (3, 4), (4, 1)),
            "part": rebuild(storage("1", numbers, ("2", 4, 6)), 1, (2, 2), (2, 1)),
            "same_part": rebuild(storage("1", numbers, ("2", 4, 6)), 0, (6,), (1,)),
            "end": rebuild(storage("1", numbers, ("3", 12, 0)), 0, (0,), (1,)),
            "longs": rebuild(storage("9", longs, ("10", 2, 3)), 0, (3,), (1,)),
            "bare": storage("9", longs, ("11", 1, 4)),
        },
        {"1": numbers, "9": longs},
    )
    yield "view_first", stream(
        [rebuild(storage("5", numbers, ("6", 6, 6)), 2, (4,), (1,)), rebuild(storage("5", numbers), 0, (12,), (1,))],
        {"5": numbers},
    )
    data = storage("7", numbers)
    old = Call("torch.FloatTensor", state=(data, 1, (2, 3), (4, 1)), new=True)
    flag = OrderedDict()
    yield "classes_of_tensors", stream(
        OrderedDict(
            tensor=old,
            again=old,
            called=Call("torch.FloatTensor", state=(data, 0, (12,), (1,))),
            longs=Call("torch.LongTensor", state=(storage("8", longs), 2, (2,), (2,)), new=True),
            parameter=Call("torch.nn.parameter.Parameter", old, state=(True, False, flag)),
            frozen=Call("torch.nn.parameter.Parameter", old, state=(False, False, flag)),
            five=Call("torch.nn.parameter.Parameter", state=(old, None, flag, True, False), new=True),
            variable=Call("torch.autograd.variable.Variable", old, state=(True, False, flag)),
            constant=Call("torch.autograd.variable.Variable", rebuild(data, 3, (2,), (2,)), state=(False, True, flag)),
        ),
        {"7": numbers, "8": longs},
    )
    bits = [torch.tensor(values, dtype=dtype) for values, dtype in
            (([1.5, -2], torch.float64), ([1, 2, 3], torch.int16), ([2**40], torch.int64), ([7, 8], torch.uint8),
             ([1 + 2j], torch.complex64))]
    root = [rebuild(storage(str(i), tensor), 0, tuple(tensor.shape), (1,)) for i, tensor in enumerate(bits)]
    stored = {str(i): tensor for i, tensor in enumerate(bits)}
    yield "big_endian_machine", stream(root, stored, little=False)
    for protocol in (1, 2, 3, 4, 5):
        yield f"old_pickler_{protocol}", stream([root, {"a": [1, 2.5, None, True, "é", 2**70]}], stored, protocol)
    python2 = dumped(root).replace(b"X\x07\0\0\0storage", b"U\x07storage").replace(b"X\x03\0\0\0cpu", b"U\x03cpu")
    yield "strings_of_python_2", stream(root, stored).replace(dumped(root), python2)


def tar(root, storages, parts, tensors, format=tarfile.PAX_FORMAT, extra=()):
    """A file of 0.1.0 to 0.1.9. Storages: key, location, flat tensor; parts: key, whole, offset, numel; tensors: key,
    storage, type, offset, size, stride."""
    stored = dumped(len(storages))
    for key, location, tensor in storages:
        module = "torch.cuda." if location.startswith("cuda") else "torch."
        stored += dumped((key, location, Name(module + kind_of(tensor))))
        stored += struct.pack("<q", tensor.numel()) + tensor.numpy().tobytes()
    stored += dumped(parts)
    described = dumped(len(tensors))
    for key, storage, kind, offset, size, stride in tensors:
        described += dumped((key, storage, Name("torch." + kind)))
        described += struct.pack(f"<i4x{len(size)}q{len(stride)}qq", len(size), *size, *stride, offset)
    info = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=format) as archive:
        members = [("sys_info", dumped(info)), ("pickle", dumped(root)), ("tensors", described), ("storages", stored)]
        for name, data in [*extra, *members]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def tars():
    numbers, longs = torch.arange(12.0), torch.arange(6)
    storages = [(94000001, "cpu", numbers), (94000002, "cpu", longs), (94000009, "cpu", torch.empty(0))]
    parts = [(94000003, 94000001, 4, 6), (94000004, 94000002, 0, 2)]
    tensors = [
        (1, 94000001, "FloatTensor", 0, (3, 4), (4, 1)),
        (2, 94000003, "FloatTensor", 1, (2, 2), (1, 2)),
        (3, 94000002, "LongTensor", 2, (3,), (1,)),
        (4, 94000009, "FloatTensor", 0, (), ()),
        (5, 94000004, "LongTensor", 1, (1, 1), (1, 1)),
    ]
    flag = OrderedDict()
    root = OrderedDict(
        weight=Id(1), same=Id(1), part=Id(2), longs=Id(3), last=Id(5), bare=Id(94000002), part_of_bare=Id(94000003),
        parameter=Call("torch.nn.parameter.Parameter", Id(1), state=(True, False, flag)),
        variable=Call("torch.autograd.variable.Variable", state=(Id(2), None, flag, True, False), new=True),
        epoch=3, names=["a", "b"], lr=0.1,
    )
    tensors = [tensor for tensor in tensors if tensor[0] != 4]
    for name, format in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("ustar", tarfile.USTAR_FORMAT)):
        yield f"tar_{name}", tar(root, storages, parts, tensors, format)
    yield "tar_long_names", tar(root, storages, parts, tensors, extra=[("x" * 300, b"1"), ("ä/" * 80, b"22")])
    yield "tar_gnu_long_names", tar(root, storages, parts, tensors, tarfile.GNU_FORMAT, [("y" * 300, b"1" * 700)])
    yield "tar_of_nothing", tar({}, [], [], [])
    state = OrderedDict(_backend=None, _parameters=OrderedDict(weight=Call(
        "torch.nn.parameter.Parameter", Id(1), state=(True, False, flag))), _buffers=OrderedDict(),
        _backward_hooks=OrderedDict(), _forward_hooks=OrderedDict(), _modules=OrderedDict(), training=True)
    module = Id((Name("torch.nn.modules.linear.Linear"), "/a/linear.py", "class Linear(Module):\n    pass\n"))
    yield "tar_module", tar([Module(module, dict(state))], storages, parts, tensors)


class Module:
    """An instance whose class is a persistent id."""

    def __init__(self, type, state):
        self.type, self.state = type, state


def save_module(self, obj):
    self.save(obj.type)
    self.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
    self.memoize(obj)
    self.save(obj.state)
    self.write(pickle.BUILD)


OldPickler.dispatch[Module] = save_module


def python_files():
    """What today's Python writes: everything in protocol 2, some in the others."""
    for name, value in cases.cases():
        yield name, value, 2
    some = ("state_dict", "adam", "checkpoint", "strings", "bytes", "sets", "tuples", "integer_like_keys", "views", "many",
            "torch_values", "parameters", "buffers", "dtype_bfloat16", "dtype_uint16", "sparse_coo", "recursive_list")
    for name, value in cases.cases():
        if name in some:
            for protocol in (1, 3, 4, 5):
                yield f"{name}_protocol_{protocol}", value, protocol
    torch.manual_seed(0)
    yield "whole_model", Net(), 2
    yield "whole_model_4", {"net": Net(), "epoch": 1}, 4
    plain = {"a": [1, 2.5, None, True, "é\n", 2**70, b"x"], "b": (1, (2,))}
    yield "text", plain, 0


def canonical(path):
    """The pickles of a file as opcodes, with the keys of storages in the order in which they are met, and the bytes of each."""
    data = pathlib.Path(path).read_bytes()
    file = io.BytesIO(data)
    pickles, keys = [], {}
    for i in range(5):
        found = []
        for op, arg, _ in pickletools.genops(file):
            found.append([op.name, repr(arg) if isinstance(arg, float) else arg])
        pickles.append(found)
    for i, (name, arg) in enumerate(pickles[3]):
        if name == "BINPERSID":
            # storage, class, key, location, numel, None: the key is the last text of digits before the id is complete
            back = [a for n, a in pickles[3][max(0, i - 16):i] if n == "BINUNICODE" and a.isdigit()]
            keys.setdefault(back[-1], len(keys))
    order = [arg for name, arg in pickles[4] if name == "BINUNICODE"]
    assert order == sorted(keys), (order, keys)
    digests = {}
    for key in order:
        count, = struct.unpack("<q", file.read(8))
        start = file.tell()
        nbytes = sizes(pickles[3], key) * count
        digests[keys[key]] = [count, hashlib.sha256(data[start:start + nbytes]).hexdigest()]
        file.seek(start + nbytes)
    assert file.tell() == len(data), (file.tell(), len(data))
    named = [[name, f"key {keys[arg]}" if name == "BINUNICODE" and arg in keys else arg] for name, arg in pickles[3]]
    return [pickles[:3], named, sorted(digests.items())]


def sizes(ops, key):
    """Bytes of an element of the storage with this key."""
    memo, last, top = {}, None, None
    for name, arg in ops:
        if name == "GLOBAL":
            top = last = arg
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[arg] = top
        elif name in ("BINGET", "LONG_BINGET"):
            top = memo.get(arg)
            if top and top.endswith("Storage"):
                last = top
        else:
            if name == "BINUNICODE" and arg == key:
                kind = last.split(" ")[1]
                dtype = torch.uint8 if kind == "UntypedStorage" else getattr(torch, kind).dtype
                return torch._utils._element_size(dtype)
            top = None
    raise AssertionError(key)


def opens(path):
    try:
        torch.load(path, weights_only=True)
        return True
    except Exception:
        return False


def main():
    folder = pathlib.Path(sys.argv[2])
    result = {}
    if sys.argv[1] == "write":
        for name, value, protocol in python_files():
            torch.save(value, folder / f"{name}.pt", _use_new_zipfile_serialization=False, pickle_protocol=protocol)
            result[name] = cases.view(value)
        for name, data in [*streams(), *tars()]:
            (folder / f"{name}.pt").write_bytes(data)
            result[name] = cases.view(torch.load(folder / f"{name}.pt", weights_only=False, map_location="cpu"))
    else:
        names = [path.name[: -len(".out.pt")] for path in folder.glob("*.out.pt")]
        protocols = {name: protocol for name, _, protocol in python_files()}
        for name in names:
            out, file = folder / f"{name}.out.pt", folder / f"{name}.pt"
            entry = {"view": cases.view(torch.load(out, weights_only=False)), "opens": opens(out), "opened": opens(file)}
            if protocols.get(name) == 2:
                entry["modules"] = b"module" in file.read_bytes() and b"class " in file.read_bytes()
                # Python writes untyped storages, and cannot read them again
                if not entry["modules"] and b"UntypedStorage" not in file.read_bytes():
                    entry["same"] = canonical(file) == canonical(out)
            result[name] = entry
    print(json.dumps(result))


if __name__ == "__main__":
    main()
