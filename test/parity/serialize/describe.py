"""Says in JSON what a value is, for comparison with what description.ts says of the value that Node made of the same file.

Containers, tensors and objects are numbered as they are met; one that is met again is ["again", number]. Storages are numbered
too, so that sharing shows. Objects of other classes are told as pickle tells them: what is called, with which arguments,
its state, its items. What Python knows beyond that, and Node only keeps for writing, stands beside it under "python".
"""
import collections
import copyreg
import hashlib
import pickle
import struct

import numpy
import torch
from torch import nn

TENSOR_STATE = {"_is_buffer", "persistent"}
NUMBERS = "biufc"
FUNCTIONS = ("function", "builtin_function_or_method", "cython_function_or_method", "method_descriptor")


def describe(value):
    return Description().of(value)


class Description:
    def __init__(self):
        self.met = {}
        self.storages = {}
        self.alive = []

    def number(self, o):
        """The number of an object that is met for the first time, or None and a reference to it."""
        if id(o) in self.met:
            return None, ["again", self.met[id(o)]]
        self.met[id(o)] = len(self.met)
        self.alive.append(o)
        return self.met[id(o)], None

    def of(self, o):
        if o is None or isinstance(o, bool):
            return o
        if isinstance(o, numpy.generic):
            return self.scalar(o)
        kind = type(o)
        if kind is int:
            return ["int", str(o) if abs(o) < 10**4000 else hex(o)]
        if kind is float:
            return ["float", "nan" if o != o else struct.pack(">d", o).hex()]
        if kind is str:
            return ["str", [ord(c) for c in o] if any(0xD800 <= ord(c) < 0xE000 for c in o) else o]
        if kind in (bytes, bytearray):
            return [kind.__name__, o.hex()]
        if isinstance(o, torch.dtype):
            return ["dtype", str(o)[6:]]
        if isinstance(o, (torch.device, torch.layout)):
            return [type(o).__name__, str(o)]
        if isinstance(o, torch.qscheme):
            return ["global", str(o)]
        if isinstance(o, numpy.dtype) and not o.names and o.kind not in "mM":
            return ["str", o.__reduce__()[2][1] + o.__reduce__()[1][0]]
        if isinstance(o, (torch.UntypedStorage, torch.TypedStorage)):
            return self.bare(o)
        if isinstance(o, nn.parameter.UninitializedTensorMixin):
            number, again = self.number(o)
            return again or ["uninitialized", number, kind.__name__, o.requires_grad]
        if isinstance(o, torch.Tensor) and not is_opaque(o):
            return self.tensor(o)
        if kind is tuple and o == ():
            return ["tuple", None, []]
        name = global_name(o)
        if name:
            return ["global", name]
        number, again = self.number(o)
        if again:
            return again
        if kind in (tuple, list, torch.Size):
            return [kind.__name__, number, [self.of(i) for i in o]]
        if kind in (set, frozenset):
            return [kind.__name__, number, sorted((describe(i) for i in o), key=str)]
        if kind in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter):
            return self.dict(o, number)
        if type(o) in (numpy.ndarray, numpy.matrix) and o.dtype.kind in NUMBERS and o.dtype.itemsize <= 8 * (1 + (o.dtype.kind == "c")):
            return self.array(o, number)
        return self.object(o, number)

    def scalar(self, o):
        if o.dtype.kind == "b":
            return bool(o)
        if o.dtype.kind in "iu":
            return with_python(["int", str(int(o))], o.dtype.str)
        if o.dtype.kind == "f" and o.dtype.itemsize <= 8:
            return with_python(self.of(float(o)), o.dtype.str)
        if o.dtype.kind == "U":
            return with_python(self.of(str(o)), o.dtype.str)
        number, _ = self.number(object())
        data = ["list", None, [o.item()]] if o.dtype.hasobject else self.of(o.tobytes())
        scalar = ["object", number, "numpy._core.multiarray.scalar", [self.of(o.dtype), data], None, None, None]
        return with_python(scalar, o.dtype.str)

    def dict(self, o, number):
        keys = list(o)
        kind = "dict" if all(type(k) is str for k in keys) else "map"
        if kind == "dict" and any(k.isdecimal() for k in keys):
            # JavaScript's order of keys; Python's is in the pickle bytes
            index = [k for k in keys if k.isdecimal() and k.isascii() and str(int(k)) == k and int(k) < 2**32 - 1]
            keys = sorted(index, key=int) + [k for k in keys if k not in set(index)]
        items = [[self.of(k), self.of(o[k])] for k in keys]
        factory = describe(o.default_factory) if type(o) is collections.defaultdict else None
        state = describe(vars(o)) if getattr(o, "__dict__", None) else None
        order = None if list(o) == keys else list(o)
        return with_python([kind, number, items], type(o).__name__, order, factory, state)

    def bare(self, o):
        """Every reference to a bare storage makes a tensor of its own."""
        untyped = isinstance(o, torch.UntypedStorage)
        number, _ = self.number(object())
        flat = torch.empty(0, dtype=torch.uint8 if untyped else o.dtype).set_(o)
        return self.parts(flat, number, "Tensor")

    def tensor(self, t):
        number, again = self.number(t)
        if again:
            return again
        state = torch._utils._get_obj_state(t) or {}
        buffer = state.get("_is_buffer") is True and type(t) is torch.Tensor and set(state) == TENSOR_STATE
        kind = "Parameter" if isinstance(t, nn.Parameter) else "Buffer" if buffer else "Tensor"
        return with_python(self.parts(t, number, kind), python_class(type(t)), describe(state) if state else None)

    def parts(self, t, number, kind):
        head = ["tensor", number, kind, str(t.dtype)[6:]]
        if t.is_nested:
            parts = t.values(), t._nested_tensor_size(), t._nested_tensor_strides(), t._nested_tensor_storage_offsets()
            return [*head, "nested", *[self.part(p) for p in parts]]
        head.append(list(t.shape))
        if t.is_meta:
            return [*head, "meta", list(t.stride()), t.requires_grad]
        if t.layout == torch.sparse_coo:
            return [*head, "sparse_coo", self.part(t._indices()), self.part(t._values()), t.is_coalesced(), t.requires_grad]
        if t.layout != torch.strided:
            rows = t.layout in (torch.sparse_csr, torch.sparse_bsr)
            first, second = (t.crow_indices(), t.col_indices()) if rows else (t.ccol_indices(), t.row_indices())
            return [*head, str(t.layout)[6:], self.part(first), self.part(second), self.part(t.values()), t.requires_grad]
        strided = [*head, "strided", list(t.stride()), t.storage_offset(), t.requires_grad, t.is_conj(), t.is_neg()]
        strided += self.storage(t.untyped_storage())
        if not t.is_quantized:
            return strided
        if t.qscheme() == torch.per_tensor_affine:
            return [*strided, "per_tensor_affine", self.of(t.q_scale()), t.q_zero_point()]
        parts = self.part(t.q_per_channel_scales()), self.part(t.q_per_channel_zero_points())
        return [*strided, "per_channel_affine", *parts, t.q_per_channel_axis()]

    def part(self, t):
        return self.parts(t, None, "Tensor")

    def storage(self, s):
        data = bytes(numpy.frombuffer(bytes_of(s), dtype=numpy.uint8)) if s.nbytes() else b""
        shared = self.storages.setdefault(s._cdata, len(self.storages)) if s.nbytes() else None
        return [shared, s.nbytes(), hashlib.sha256(data).hexdigest()]

    def array(self, a, number):
        """An array is a tensor for Node, in C order and in the machine's byte order."""
        plain = numpy.array(a, dtype=a.dtype.newbyteorder("="), order="C", subok=False)
        t = torch.from_numpy(plain) if plain.size else torch.empty(a.shape, dtype=torch.from_numpy(numpy.zeros(1, plain.dtype)).dtype)
        self.alive.append(t)
        return with_python(self.parts(t, number, "Tensor"), python_class(type(a)), a.dtype.str, bool(a.flags.f_contiguous))

    def object(self, o, number):
        reduced = reduced_form(o)
        called, args, state, items, entries = (*reduced, None, None, None)[:5]
        if called.__name__ == "__newobj__" and called.__module__ == "copyreg":
            called, args = args[0], args[1:]
        path = ["called", describe(called)] if not global_name(called) else global_name(called)
        if path == "copyreg.__newobj_ex__":
            path, args = global_name(args[0]), [*args[1], args[2]]
        return [
            "object",
            number,
            path,
            [self.of(a) for a in args],
            self.of(state) if state is not None else None,
            [self.of(i) for i in items or ()] or None,
            [[self.of(k), self.of(v)] for k, v in entries or ()] or None,
        ]


def with_python(told, *more):
    return {"is": told, "python": list(more)}


def bytes_of(s):
    return torch.empty(0, dtype=torch.uint8).set_(s).numpy().tobytes()


def is_opaque(t):
    """A tensor of a class that keeps its data in other tensors."""
    return type(t).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__


def python_class(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def reduced_form(o):
    if isinstance(o, type):
        return type, (None if o is type(None) else ... if o is type(...) else NotImplemented,)
    reduce = copyreg.dispatch_table.get(type(o))
    return reduce(o) if reduce else o.__reduce_ex__(2)


def global_name(o):
    """Where an object is found by name, if that is how it is pickled."""
    if o is ... or o is NotImplemented:
        return f"builtins.{o}"
    if not isinstance(o, type) and type(o).__name__ not in FUNCTIONS:
        return None
    if o in (type(None), type(...), type(NotImplemented)):
        return None
    bound = getattr(o, "__self__", getattr(o, "__objclass__", None))
    if isinstance(bound, type):
        return f"{global_name(bound)}.{o.__name__}"
    if bound is not None and type(bound).__name__ != "module":
        return None
    # the class of PyTorch's functions is not where it says that it is
    return f"{pickle.whichmodule(o, o.__qualname__)}.{o.__qualname__}".replace("torch._V", "torch._C._V")
