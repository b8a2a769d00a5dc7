"""Evaluates the table of ops-cases.ts in Python; prints results as JSON."""

import base64
import functools
import json
import sys
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def as_values(x):
    if isinstance(x, torch.Tensor):
        flat = x.detach().resolve_conj().contiguous().flatten()
        if flat.is_complex():
            flat = torch.view_as_real(flat).contiguous()
        raw = b"" if x.numel() == 0 else bytes(flat.view(torch.uint8).flatten().tolist())
        return [{"dtype": str(x.dtype)[6:], "shape": list(x.shape), "bytes": base64.b64encode(raw).decode()}]
    if isinstance(x, (list, tuple)):
        return [v for item in x for v in as_values(item)]
    return [x]


def flat(x):
    return [v for item in x for v in flat(item)] if isinstance(x, (list, tuple)) else [x]


def options(kwargs):
    return {k: getattr(torch, v) if k == "dtype" else v for k, v in kwargs.items()}


def make_inputs(rows):
    torch.manual_seed(0)
    made = {name: getattr(torch, factory)(*args, **options(rest[0] if rest else {})) for name, factory, args, *rest in rows}
    made["M"] = made["A"] > 0
    made["Y2"] = torch.tensor([0, 2, 1])
    made["sorted"] = torch.tensor([0.1, 0.3, 0.7])
    made["one"] = torch.tensor([0.3])
    made["BW"] = made["T"].repeat(1, 2, 1)[:, :4, :]
    made["sign"] = torch.tensor([1.0, -1.0, 1.0])
    made["U35"] = torch.bmm(made["T"], made["U"])
    made["J2"] = made["P"] + 3
    made["long"] = made["X"].flatten()[:64]
    made["I1"] = made["I"].flatten()
    made["window"] = torch.hann_window(16)
    return made


def run(case, made, seeded):
    name, args, kwargs = case[0], case[1], case[2] if len(case) > 2 else {}
    used = []

    def argument(value):
        if isinstance(value, list):
            return [argument(v) for v in value]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        tensor = made[value[1:]].detach().clone()
        if tensor.is_floating_point() or tensor.is_complex():
            used.append(tensor.requires_grad_())
        return tensor

    kwargs = options({k: argument(v) for k, v in kwargs.items()})
    values = [argument(v) for v in args]
    *path, last = name.split(".")
    home = functools.reduce(getattr, path, torch)
    fn = getattr(home, last, None) or getattr(torch.Tensor, last)
    if seeded:
        torch.manual_seed(123)
    outputs = flat(fn(*values, **kwargs))
    result = {"outputs": as_values(outputs), "gradients": []}
    if seeded:
        result["rng"] = base64.b64encode(bytes(torch.get_rng_state().tolist())).decode()
    tensors = [x for x in outputs if isinstance(x, torch.Tensor) and x.requires_grad]
    if tensors:
        sums = [(torch.view_as_real(x).sum() if x.is_complex() else x.sum()).to(torch.float64) for x in tensors]
        functools.reduce(lambda a, b: a.add(b), sums).backward()
        result["gradients"] = [None if x.grad is None else as_values(x.grad)[0] for x in used]
    return result


def attempt(case, made, seeded):
    try:
        return run(case, made, seeded)
    except Exception as error:  # the test shows it: a case that Python refuses is a mistake of the table
        return {"error": f"{type(error).__name__}: {error}"}


table = json.load(open(sys.argv[1]))
inputs = make_inputs(table["inputs"])
print(json.dumps([attempt(case, inputs, table["seeded"]) for case in table["cases"]]))
