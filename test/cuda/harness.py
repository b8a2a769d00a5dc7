"""The Python side of harness.ts: `harness.py FOLDER` runs the programs of asked.json and writes answered.json and bytes."""

import json
import math
import os
import sys
import traceback
import warnings

import nets
import optimizers
import torch

folder = sys.argv[1]
device = os.environ.get("LTN_CUDA_CHECK_DEVICE", "cuda")

torch.set_num_threads(1)
torch.backends.cudnn.benchmark = False
torch.backends.cudnn.deterministic = True
warnings.simplefilter("ignore")


def leaves_of(value, out, path=""):
    """One entry for each tensor or plain value, in order, as leavesOf in harness.ts; the bytes of tensors go to `out`."""
    if isinstance(value, torch.Tensor):
        here = value.detach().cpu()
        data = (here.to_dense() if here.is_sparse else here).contiguous().reshape(-1)
        data = data.view(torch.uint8).numpy().tobytes() if data.numel() else b""
        at = out.tell()
        out.write(data)
        leaf = {"dtype": str(value.dtype)[6:], "shape": list(value.shape), "device": str(value.device)}
        return [[path, {**leaf, "at": at, "length": len(data)}]]
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves_of(item, out, f"{path}.{key}")]
    if isinstance(value, (list, tuple)):
        return [leaf for i, item in enumerate(value) for leaf in leaves_of(item, out, f"{path}.{i}")]
    if isinstance(value, float) and not math.isfinite(value):
        return [[path, "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"]]
    return [[path, value if isinstance(value, (bool, int, float, str, type(None))) else str(value)]]


def run(program, out):
    torch.use_deterministic_algorithms(True, warn_only=not program["strict"])
    torch.manual_seed(3)
    o = {}
    try:
        exec(program["code"], {**vars(nets), **vars(optimizers), "o": o, "folder": folder, "device": device})
        return {"leaves": leaves_of(o, out), "error": None, "trace": None}
    except Exception as error:
        return {"leaves": [], "error": str(error), "trace": traceback.format_exc()}


with open(f"{folder}/asked.json") as asked:
    programs = json.load(asked)
with open(f"{folder}/bytes", "wb") as out:
    answers = [run(program, out) for program in programs]
with open(f"{folder}/answered.json", "w") as answered:
    json.dump(answers, answered)
