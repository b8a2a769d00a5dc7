"""The oracle of summary-writer.test.ts: writes event files as a user of torch.utils.tensorboard does, and reads any."""
import glob
import json
import os
import re
import struct
import sys
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import io

import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from torch.utils.tensorboard import SummaryWriter

RULES = "auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges"


def values():
    g = torch.Generator().manual_seed(3)
    rand = lambda *size: torch.rand(*size, generator=g)
    return {
        "normal": torch.randn(40, 50, generator=g),
        "double": torch.randn(1000, generator=g, dtype=torch.float64) * 1e6,
        "half": torch.randn(300, generator=g).half(),
        "bfloat16": torch.randn(300, generator=g).bfloat16(),
        "integers": torch.randint(-20, 20, (500,), generator=g),
        "bools": rand(50) > 0.3,
        "ones": torch.ones(9),
        "zero": torch.zeros(1),
        "with_nan": torch.tensor([1.0, float("nan"), 2.0, -3.0]),
        "with_inf": torch.tensor([1.0, float("inf"), 2.0, -3.0]),
        "chw": rand(3, 5, 7) * 1.2 - 0.1,
        "grey": rand(1, 4, 6),
        "rgba": rand(4, 4, 6),
        "two": rand(2, 4, 6),
        "bytes": torch.randint(0, 256, (3, 8, 8), generator=g).to(torch.uint8),
        "long_image": torch.randint(0, 3, (3, 4, 4), generator=g),
        "hwc": rand(5, 7, 3),
        "hw": rand(5, 7),
        "half_image": rand(3, 5, 5).half(),
        "bfloat16_image": rand(3, 5, 5).bfloat16(),
        "nchw": rand(11, 3, 4, 5),
        "n1hw": rand(3, 1, 4, 5),
        "nhwc": rand(2, 4, 5, 3),
    }


def write(folder, values_file):
    data = values()
    torch.save(data, values_file)
    w = SummaryWriter(folder, purge_step=7, filename_suffix=".suffix")
    w.add_scalar("plain", 0.1, 1, 10.5)
    w.add_scalar("zero", 0, 0, 11.0)
    w.add_scalar("minus zero", -0.0, 2, 11.0)
    w.add_scalar("no step", 3, None, 12.0)
    w.add_scalar("nan", float("nan"), 3, 13.0)
    w.add_scalar("inf", float("-inf"), -4, 13.0)
    w.add_scalar("tensor", torch.tensor([[2.5]], requires_grad=True), 5, 14.0)
    w.add_scalar("bfloat16", torch.tensor(1.2345, dtype=torch.bfloat16), 5, 14.0)
    w.add_scalar("beyond float", 1e300, 2**40, 15.0)
    w.add_scalar("fraction of a step", 1.0, 5.9, 15.0)
    w.add_scalar("new", 0.1, 6, 16.0, new_style=True)
    w.add_scalar("double", 0.1, 6, 16.0, new_style=True, double_precision=True)
    w.add_scalar("zug/∂/🚂", 1.5, 6, 0.0)
    w.add_scalars("a/b", {"train": 1.0, "test": torch.tensor(2.0)}, 1, 20.0)
    w.add_scalars("a/b", {"train": 0.5}, 2, 21.0)
    for name in "normal", "double", "half", "bfloat16", "integers", "bools", "ones", "zero", "with_nan", "with_inf":
        w.add_histogram(name, data[name], 3, walltime=30.0)
    w.add_histogram("one number", 0.25, 3, walltime=30.0)
    w.add_histogram("max_bins", data["normal"], 4, walltime=31.0, max_bins=10)
    w.add_histogram("max_bins of few", data["normal"], 4, 7, 31.0, 3)
    w.add_histogram("edges", data["normal"], 4, [-1.0, -0.5, 0, 2, 2, 3], 31.0)
    w.add_histogram("number", data["integers"], 4, 13, 31.0)
    w.add_histogram("same", data["ones"], 4, 3, 31.0)
    for rule in RULES:
        for name in "normal", "double", "integers", "ones", "zero":
            w.add_histogram(f"{rule} {name}", data[name], 5, rule, 32.0)
    w.add_text("notes/first", "**bold** ∂ 🚂", 1, 40.0)
    w.add_text("empty", "", 1, 40.0)
    for name in "chw", "grey", "rgba", "two", "bytes", "long_image", "half_image", "bfloat16_image":
        w.add_image(name, data[name], 1, 50.0)
    w.add_image("hwc", data["hwc"], 1, 50.0, "HWC")
    w.add_image("hw", data["hw"], 1, 50.0, dataformats="hw")
    w.add_image("wh", data["hw"], 1, 50.0, dataformats="WH")
    w.add_images("nchw", data["nchw"], 1, 51.0)
    w.add_images("n1hw", data["n1hw"], 1, 51.0)
    w.add_images("nhwc", data["nhwc"], 1, 51.0, dataformats="NHWC")
    w.close()
    w.add_scalar("after close", 1.0, 9, 60.0)
    w.close()


def records(file):
    raw = open(file, "rb").read()
    at = 0
    while at < len(raw):
        (length,) = struct.unpack_from("<Q", raw, at)
        data = raw[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", raw, at + 8)[0] == masked_crc32c(raw[at : at + 8])
        assert struct.unpack_from("<I", raw, at + 12 + length)[0] == masked_crc32c(data)
        yield data
        at += length + 16


def event_of(data):
    """Its bytes, without what cannot be the same: times of now, the compression of images, the order of a sum."""
    event = Event.FromString(data)
    assert event.SerializeToString() == data, "fields are not where Python puts them"
    out = {}
    if event.wall_time > 1e9:
        event.wall_time = 0
    for value in event.summary.value:
        out["tag"] = value.tag
        if value.WhichOneof("value") == "image":
            image = Image.open(io.BytesIO(value.image.encoded_image_string))
            out["image"] = [image.mode, image.size, np.asarray(image).tobytes().hex()]
            value.image.encoded_image_string = b""
        if value.WhichOneof("value") == "histo":
            out["sum_squares"] = str(value.histo.sum_squares)
            value.histo.sum_squares = 0
    return out | {"bytes": event.SerializeToString().hex(), "text": str(event)}


def read(folder):
    files = {}
    for file in glob.glob(f"{folder}/**/events*", recursive=True):
        name = re.sub(r"\d{10}\.[^/]*\.\d+\.(\d+)(?=\.suffix|$)", "TIME.HOST.PID.N", os.path.relpath(file, folder))
        number = int(re.search(r"\.(\d+)(\.suffix)?$", file)[1])
        files[number] = [name, [event_of(data) for data in records(file)]]
    return [files[number] for number in sorted(files)]


def listing(folder):
    """What TensorBoard finds in a folder."""
    found = event_accumulator.EventAccumulator(folder, size_guidance={"tensors": 0, "scalars": 0})
    found.Reload()
    tags = found.Tags()
    return {
        "scalars": {tag: [[e.step, e.value] for e in found.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {tag: [e.histogram_value.num for e in found.Histograms(tag)] for tag in tags["histograms"]},
        "images": {tag: [[e.width, e.height] for e in found.Images(tag)] for tag in tags["images"]},
        "texts": {tag: [e.tensor_proto.string_val[0].decode() for e in found.Tensors(tag)] for tag in tags["tensors"]},
    }


def serve(folder, paths):
    """What the server of TensorBoard answers."""
    from tensorboard import program

    board = program.TensorBoard()
    board.configure(argv=[None, "--logdir", folder, "--port", "0", "--load_fast", "false", "--host", "127.0.0.1"])
    url = board.launch()
    # the first answer waits for the data to be loaded
    return [json.load(urllib.request.urlopen(url + path)) for path in paths]


command, *args = sys.argv[1:]
result = {"write": write, "read": read, "list": listing, "serve": lambda folder, *paths: serve(folder, paths)}[command](*args)
print("\n" + json.dumps(result))
