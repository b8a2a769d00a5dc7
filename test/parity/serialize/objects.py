"""What checkpoints hold besides tensors: Python's own values, numpy's, objects of classes, optimizers and schedulers."""
import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import operator
import pathlib
import string
import types
import typing
import uuid

import numpy
import torch
from torch import nn
from torch.nn.utils import rnn

NUMPY = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 longdouble clongdouble "
    "datetime64[s] timedelta64[ms] U3 S3 V4 >i2 >i4 >u8 >f4 >f8 >c8"
).split()


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


class Flags(enum.Flag):
    A = 1
    B = 2


class Word(str):
    """A subclass of str."""


class Count(int):
    """A subclass of int."""


class Table(dict):
    """A subclass of dict."""


class Stack(list):
    """A subclass of list."""


class Bag(set):
    """A subclass of set."""


class Order(collections.OrderedDict):
    """A subclass of OrderedDict."""


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


class Options:
    def __init__(self, first, **more):
        self.first = first
        self.more = more

    def __getnewargs_ex__(self):
        return (self.first,), dict(self.more)

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)


class Outer:
    class Inner:
        level = 2

        class Kind(enum.Enum):
            A = 1


@dataclasses.dataclass
class Config:
    lr: float = 0.1
    layers: list = dataclasses.field(default_factory=lambda: [1, 2])
    name: typing.Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    size: tuple = (1, 2)


Point = collections.namedtuple("Point", "x y")


class Named(typing.NamedTuple):
    weight: torch.Tensor
    epoch: int = 0


def filled(container, **attributes):
    for name, value in attributes.items():
        setattr(container, name, value)
    return container


def values():
    yield "nothing", None
    yield "booleans", [True, False, None, True]
    yield "ints", [0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -1, -128, -129, -32769, -(2**31), -(2**31) - 1]
    yield "ints_beyond_53_bits", [2**53 - 1, 2**53, 2**53 + 1, -(2**53), 2**63 - 1, 2**63, 2**64, -(2**63), -(2**64)]
    yield "ints_of_many_bytes", [2**2000, -(2**2039), 2**2040, 127 << 320, -(1 << 20000)]
    yield "floats", [0.0, -0.0, 1.0, 1.5, float("inf"), float("-inf"), float("nan"), 1e300, -2.0, 1e16, 5e-324, 2.0**53]
    yield "complex", [1 + 2j, -0.0 + 0j, complex("inf")]
    yield "strings", ["", "a", "é", "日本", "a" * 300, "😀", "a.b", "x", "x", "latin1", "cpu", "storage", "\0", "\n\r\t'\"\\", "\u2028"]
    yield "strings_of_half_characters", ["\ud800x", "\udfff", "\ude00\ud83d"]
    yield "string_long", "x" * 70000
    yield "bytes", [b"abc", b"\xff\x00", b"", b"abc", bytes(range(256))]
    yield "bytearrays", [bytearray(b"abc"), bytearray(), bytearray(range(256))]
    yield "sets", [{1, 2, 3}, frozenset([1]), set(), frozenset(), {"a"}, {(1, 2)}, {frozenset([1]), 2}, {None, True}]
    yield "tuples", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((1,),) * 2, tuple(range(2000))]
    for n in (1, 2, 999, 1000, 1001, 2000):
        yield f"dict_{n}", {i: str(i) for i in range(n)}
        yield f"list_{n}", list(range(n))
        yield f"ordered_{n}", collections.OrderedDict((str(i), 1.0) for i in range(n))
        yield f"set_{n}", set(range(n))
    for n in (1000, 1001):
        yield f"deque_{n}", collections.deque(range(n))
        yield f"table_{n}", Table((i, i) for i in range(n))
    yield "keys_like_ints", {"10": 1, "9": 2, "a": 3, "0": 4, "01": 5, "-1": 6}
    yield "keys_of_prototypes", {"__proto__": 1, "constructor": 2, "toString": [1], "hasOwnProperty": {"__proto__": 3}}
    yield "keys_of_all_kinds", {1: "a", "b": 2, (1, 2): 3, None: 4, 1.5: 5, b"x": 6, torch.float32: 7, frozenset([1]): 8, Color.RED: 9}
    yield "keys_that_are_tensors", {(t := torch.ones(1)): 1, "t": t}
    yield "dicts_inside", {"a": {"b": {"c": {}}}, "e": {}, "l": [[], [[]], {}]}
    yield "deep", functools.reduce(lambda inside, _: [inside], range(200), [])
    recursive = []
    recursive.append(recursive)
    yield "recursive_list", recursive
    recursive = {}
    recursive["self"] = recursive
    yield "recursive_dict", recursive
    for n in (1, 3, 5):
        recursive = tuple([1] * (n - 1) + [[]])
        recursive[-1].append(recursive)
        yield f"recursive_tuple_{n}", recursive
    recursive = argparse.Namespace(name="x")
    recursive.me = recursive
    yield "recursive_object", recursive
    recursive = collections.OrderedDict(a=1)
    recursive["self"] = [recursive]
    yield "recursive_ordered_dict", recursive
    recursive = Stack()
    recursive.append(recursive)
    yield "recursive_list_subclass", recursive
    recursive = collections.defaultdict(list)
    recursive["l"].append(recursive)
    yield "recursive_defaultdict", recursive
    yield "same_objects", [(a := [1]), a, {"a": a}, (b := {"k": a}), b, (c := (a, b)), c]
    yield "ordered_with_attributes", filled(collections.OrderedDict(a=1), x=1.0, y=[1])
    yield "ordered_empty", [collections.OrderedDict(), filled(collections.OrderedDict(), x=1)]
    yield "state_dict", nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 1, bias=False)).state_dict()
    yield "counters", [collections.Counter("aab"), collections.Counter(), collections.Counter({1: 2, (1,): 3})]
    yield "defaultdicts", [collections.defaultdict(list, {"a": [1]}), collections.defaultdict(int), collections.defaultdict(None, {1: 2})]
    yield "deques", [collections.deque([1, 2]), collections.deque(), collections.deque([1, 2, 3], maxlen=2)]
    yield "other_collections", [collections.ChainMap({"a": 1}), collections.UserDict(a=1), collections.UserList([1])]
    yield "proxies", [types.SimpleNamespace(a=1, b=[2]), types.SimpleNamespace()]
    yield "namespace", argparse.Namespace(lr=0.1, epochs=10, name="x", whole=1.0, none=None, data=pathlib.PurePosixPath("a/b"))
    yield "enums", [Color.RED, Color.BLUE, Color.RED, Level.LOW, Flags.A | Flags.B, Outer.Inner.Kind.A, {"color": Color.BLUE}]
    yield "namedtuples", [Point(1, 2), Named(torch.ones(2)), Point([1], Point(1, 2))]
    yield "dataclasses", [Config(), Config(name="x", layers=[]), Frozen()]
    yield "subclasses", [Word("a"), Count(3), Table(a=1), Stack([1, 2]), Bag([1]), Order(a=1), filled(Stack([1]), x=1), filled(Table(a=1), y=2)]
    yield "slots", [Slotted(1), Slotted([2])]
    yield "keyword_arguments_of_new", [Options(1, a=2, b=[3]), Options("x")]
    yield "classes", [int, dict, Color, Point, Config, torch.Tensor, nn.Linear, nn.Parameter, type(None), type(...), Outer.Inner]
    yield "functions", [len, print, operator.add, filled, torch.relu, torch.sum, torch.nn.functional.relu, torch.Tensor.add, dict.fromkeys]
    yield "bound_methods", [[1].append, "x".join, Config().__repr__, collections.OrderedDict(a=1).get]
    yield "partials", [functools.partial(filled, a=1), functools.partial(int, base=2), functools.partial(max, 1)]
    yield "getters", [operator.itemgetter(1), operator.attrgetter("a.b"), operator.methodcaller("m", 1)]
    yield "paths", [pathlib.PurePosixPath("/a/b"), pathlib.PurePosixPath("."), pathlib.PureWindowsPath("C:/x"), pathlib.Path("a")]
    moment = datetime.datetime(2024, 2, 29, 1, 2, 3, 4)
    yield "times", [moment, moment.date(), moment.time(), datetime.timedelta(1, 2, 3), moment.replace(tzinfo=datetime.timezone.utc)]
    yield "other_numbers", [decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=5), ipaddress.ip_address("127.0.0.1")]
    yield "ranges_and_slices", [range(3), range(1, 10, 2), slice(1, 2), slice(None), Ellipsis, NotImplemented]
    yield "exceptions", [ValueError("x"), KeyError(1), StopIteration(), KeyboardInterrupt()]
    yield "templates", [string.Template("$a"), string.Formatter()]
    yield from numpy_values()
    yield from torch_values()


def numpy_values():
    for name in NUMPY:
        dtype = numpy.dtype(name)
        array = numpy.frombuffer(bytes(i % 2 if name == "bool" else 48 + i % 10 for i in range(dtype.itemsize * 6)), dtype=dtype)
        if dtype.kind == "U":
            array = numpy.array(["abc", "d", "é😀", "", "x", "yz"], dtype=dtype)
        if dtype.kind in "fc":
            array = (numpy.arange(6) / 4 - 1).astype(dtype)
        plain = name.replace(">", "big_").replace("[", "_").replace("]", "")
        yield f"numpy_{plain}", {"array": array, "matrix": array.reshape(2, 3), "scalar": array[1], "zero": array[2].reshape(())}
    yield "numpy_layouts", {
        "fortran": numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
        "fortran3": numpy.asfortranarray(numpy.arange(24, dtype="i2").reshape(2, 3, 4)),
        "fortran_big": numpy.asfortranarray(numpy.arange(6, dtype=">u4").reshape(2, 3)),
        "transposed": numpy.arange(6).reshape(2, 3).T,
        "strided": numpy.arange(10)[::3],
        "empty": numpy.zeros((0, 3)),
        "empty_fortran": numpy.zeros((3, 0), order="F"),
        "ones": numpy.asfortranarray(numpy.ones((1, 4, 1))),
    }
    yield "numpy_objects", [numpy.array([1, "a", None], dtype=object), numpy.array([{"a": 1}, [2]], dtype=object)]
    yield "numpy_records", numpy.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")])
    yield "numpy_subclasses", [numpy.matrix([[1, 2]]), numpy.ma.masked_array([1, 2], [True, False], fill_value=9), numpy.char.array(["a"])]
    yield "numpy_dtypes", [numpy.dtype("f4"), numpy.dtype(">i2"), numpy.dtype("U3"), numpy.dtype([("a", "i4")]), numpy.float32, numpy.ndarray]
    yield "numpy_shared", [(a := numpy.arange(3)), a, {"a": a}]
    yield "numpy_strings", [numpy.str_("x"), numpy.bytes_(b"x"), numpy.str_(""), numpy.str_("é😀")]
    state = numpy.random.RandomState(0)
    yield "numpy_random", [state.get_state(), state, numpy.random.default_rng(0), numpy.random.SeedSequence(1)]


def torch_values():
    yield "dtypes", [getattr(torch, n) for n in "float32 float bfloat16 uint16 float8_e5m2 bits8 complex32 qint8 bool int64".split()]
    yield "dtypes_below_a_byte", [torch.uint1, torch.int4, torch.uint7]
    yield "devices", [torch.device(d) for d in ("cpu", "cuda", "cuda:1", "meta", "mps", "cpu:0")]
    yield "layouts", [torch.strided, torch.sparse_coo, torch.sparse_csr, torch.sparse_bsc, torch.jagged]
    yield "qschemes", [torch.per_tensor_affine, torch.per_channel_affine, torch.per_tensor_symmetric]
    yield "sizes", [torch.Size([]), torch.Size([1, 2]), torch.ones(3, 4).size(), (s := torch.Size([7])), s]
    yield "generator", [torch.Generator().manual_seed(7), torch.get_rng_state()]
    yield "return_types", [torch.ones(2, 3).max(0), torch.linalg.eigh(torch.eye(2)), torch.ones(3).sort()]
    packed = rnn.pack_sequence([torch.ones(3), torch.ones(2)])
    yield "packed_sequence", packed
    yield "losses", [nn.CrossEntropyLoss(torch.ones(2)), nn.MSELoss(), nn.L1Loss(reduction="sum")]
    yield "undefined_parameters", nn.BatchNorm1d(2, affine=False)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    yield "module", net
    yield "data_parallel", nn.DataParallel(net)
    yield "bound_state_dict", net.state_dict
    yield "distributions", [torch.distributions.Normal(torch.zeros(1), torch.ones(1))]
    optimizers = {
        "SGD": {"lr": 0.1, "momentum": 0.9},
        "Adam": {"lr": 1.0, "weight_decay": 1},
        "AdamW": {"amsgrad": True},
        "RMSprop": {"centered": True},
        "Adagrad": {},
        "LBFGS": {},
        "Rprop": {},
        "NAdam": {},
    }
    schedulers = {
        "OneCycleLR": (0.1, 10),
        "MultiStepLR": ([1, 2, 2],),
        "CosineAnnealingLR": (10,),
        "ReduceLROnPlateau": (),
        "StepLR": (3,),
        "LinearLR": (),
        "ExponentialLR": (0.5,),
        "LambdaLR": (half,),
    }
    for (name, options), (kind, args) in zip(optimizers.items(), schedulers.items()):
        optimizer, scheduler = trained(net, name, options, kind, args)
        if name == "LBFGS":
            # its object gets another default when Python reads it
            optimizer, scheduler = optimizer.state_dict(), scheduler.state_dict()
            yield "state_of_LBFGS", [optimizer, scheduler]
            continue
        yield f"optimizer_{name}", {"state": optimizer.state_dict(), "object": optimizer}
        yield f"scheduler_{kind}", {"state": scheduler.state_dict(), "object": scheduler}
    yield "checkpoint", {
        "epoch": 3,
        "model_state_dict": net.state_dict(),
        "ema": net.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "loss": nn.CrossEntropyLoss(),
        "args": argparse.Namespace(lr=0.1, epochs=10, name="x", whole=1.0, data="a/b"),
        "rng": {"torch": torch.get_rng_state(), "numpy": numpy.random.RandomState(1).get_state()},
        "best": numpy.float64(0.5),
    }


def half(epoch):
    return 0.5**epoch


def trained(net, name, options, kind, args):
    torch.manual_seed(0)
    optimizer = getattr(torch.optim, name)(net.parameters(), **options)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, *args)
    optimizer.zero_grad()
    optimizer.step(functools.partial(closure, net)) if name == "LBFGS" else (closure(net), optimizer.step())
    scheduler.step(*([1.0] if kind == "ReduceLROnPlateau" else []))
    return optimizer, scheduler


def closure(net):
    loss = net(torch.ones(4, 2)).sum() ** 2
    loss.backward()
    return loss


def cases():
    for name, value in values():
        yield name, functools.partial(torch.save, value)
