"""Evaluates the tables of nn-functional-cases.ts in Python; prints results as JSON."""

import hashlib
import json
import sys
import warnings

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
DISTANCES = {"l1": lambda a, b: (a - b).abs().sum(-1), "squared": lambda a, b: (a - b).pow(2).sum(-1)}
DTYPES = ("dtype", "out_dtype", "output_dtype")


def as_value(x):
    if not isinstance(x, torch.Tensor):
        return x
    flat = (x.to_dense() if x.is_sparse else x).detach().resolve_neg().contiguous().flatten()
    raw = b"" if x.numel() == 0 else bytes(flat.view(torch.uint8).flatten().tolist())
    return [str(x.dtype)[6:], list(x.shape), hashlib.md5(raw).hexdigest()]


def make_inputs(rows):
    torch.manual_seed(0)
    return {
        name: getattr(torch, factory)(*args, **{k: getattr(torch, v) if k == "dtype" else v for k, v in (rest[0] if rest else {}).items()})
        for name, factory, args, *rest in rows
    }


def run(case, made):
    name, args, kwargs = case[0], case[1], case[2] if len(case) > 2 else {}
    leaves, written = [], []

    def argument(value):
        if isinstance(value, list):
            return [argument(v) for v in value]
        if not isinstance(value, str):
            return value
        if value.startswith("@"):
            return float(value[1:])
        if value.startswith("%"):
            return getattr(F.ScalingType, value[1:])
        if value.startswith("&"):
            return DISTANCES[value[1:]]
        if value[:1] not in ("$", "!", "~", "="):
            return value
        key, _, then = value[1:].partition(".")
        tensor = made[key].detach().clone()
        for step in filter(None, then.split(".")):
            tensor = getattr(torch.Tensor, step)(tensor) if hasattr(torch.Tensor, step) else tensor.to(getattr(torch, step))
        if value[0] in "$!" and tensor.is_floating_point() and tensor.dtype != torch.float8_e4m3fn:
            leaves.append(tensor.requires_grad_())
        if value[0] in "!=":  # the function writes into it: not a leaf
            tensor = tensor.clone()
            written.append(tensor)
        return tensor

    values = [argument(v) for v in args]
    kwargs = {k: getattr(torch, v) if k in DTYPES else argument(v) for k, v in kwargs.items()}
    torch.manual_seed(123)
    result = getattr(F, name)(*values, **kwargs)
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    out = {
        "outputs": [as_value(x) for x in outputs + written],
        "rng": hashlib.md5(bytes(torch.get_rng_state().tolist())).hexdigest(),
        "gradients": [],
    }
    sums = []
    for x in outputs:
        if isinstance(x, torch.Tensor) and x.requires_grad:
            ramp = torch.arange(1, x.numel() + 1, dtype=torch.float64).reshape(x.shape)
            sums.append(x.to(torch.float64).mul(ramp).sum())
    if sums:
        torch.stack(sums).sum().backward()
        out["gradients"] = [None if x.grad is None else as_value(x.grad) for x in leaves]
    return out


def attempt(case, made):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = run(case, made)
        except Exception as error:
            result = {"error": str(error).split("\n")[0]}
    # without those of LibTorch itself
    result["warnings"] = [str(w.message) for w in caught if w.category is UserWarning and "Triggered internally" not in str(w.message)]
    return result


table = json.load(open(sys.argv[1]))
inputs = make_inputs(table["inputs"])
print(json.dumps([attempt(case, inputs) for case in table["cases"]]))
