"""The same objects under pickle protocols 0 to 5, and in the format before 1.6."""
import argparse
import collections
import functools
import pathlib

import numpy
import objects
import tensors
import torch
from torch import nn


OLD = tensors.DTYPES[: tensors.DTYPES.index("complex32")]
NOT_BEFORE = {"checkpoint": 1, "tensors": 1, "classes": 2, "keywords": 2}


def values():
    x = torch.arange(12.0).reshape(3, 4)
    yield "checkpoint", {
        "model": nn.Linear(2, 3).state_dict(),
        "epoch": 3,
        "lr": 1.0,
        "views": [x, x.t(), x[1]],
        "parameter": nn.Parameter(x),
        "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a")),
        "best": numpy.float64(0.5),
    }
    yield "plain", [1, -1, 2**40, 2**70, 1.5, 2.0, True, None, "é\n\\u00e9", b"\x00\xff", bytearray(b"x"), (1, 2), {1, 2}, frozenset([3]), "x" * 300]
    yield "objects", [collections.deque([1]), collections.Counter("aab"), objects.Color.RED, objects.Config(), objects.filled(collections.OrderedDict(a=1), x=2), len, int]
    yield "nested_names", [objects.Outer.Inner, objects.Outer.Inner.Kind.A, dict.fromkeys, objects.filled]
    yield "classes", [objects.Point(1, 2), objects.Word("a"), objects.Count(3), objects.Table(a=1), objects.Stack([1]), objects.Slotted(1)]
    yield "numpy", {"a": numpy.arange(6).reshape(2, 3), "f": numpy.asfortranarray(numpy.ones((2, 3))), "b": numpy.arange(2, dtype=">i4")}
    yield "tensors", [tensors.raw(getattr(torch, name)) for name in ("bfloat16", "uint16", "float8_e5m2", "complex64", "bool")]
    yield "keywords", [objects.Options(1, a=2), objects.Options("x"), (o := objects.Options([3], b=torch.ones(1))), o]
    recursive = [1]
    recursive.append((recursive, {"r": recursive}))
    yield "recursive", recursive


def cases():
    for name, value in values():
        # what refers to a storage is no text, as protocol 0 would have it; objects are made in another way before 2
        for protocol in range(NOT_BEFORE.get(name, 0), 6):
            save = functools.partial(torch.save, value, pickle_protocol=protocol)
            yield f"protocol_{protocol}_{name}", save, {"same": protocol == 2}
        if name != "tensors":
            save = functools.partial(torch.save, value, _use_new_zipfile_serialization=False)
            yield f"legacy_{name}", save, {"same": False}
    old = [tensors.raw(getattr(torch, name)) for name in OLD]
    yield "legacy_tensors", functools.partial(torch.save, old, _use_new_zipfile_serialization=False), {"same": False}
