"""Runs the cases of attention.ts in Python and prints, as JSON, what a module made, gave, and left behind."""

import hashlib
import json
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def digest(t):
    t = t.detach().contiguous()
    return str(tuple(t.shape)).replace(",)", ")") + " " + hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]


def tensors(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for part in out if part is not None for t in tensors(part)]


def value(v):
    """An argument: what JSON cannot say is text, see Argument in attention.ts."""
    if not isinstance(v, str):
        return v
    if isinstance(getattr(torch, v, None), torch.dtype):
        return getattr(torch, v)
    kind, *rest = v.split(":")
    sizes = [int(s) for s in rest if s.lstrip("-").isdigit()]
    if kind == "F":
        return getattr(F, rest[0])
    if kind == "nn":
        return getattr(nn, rest[0])()
    if kind == "torch":
        return getattr(torch, rest[0])
    if kind == "bool":
        return torch.randint(0, 4, sizes) == 0
    if kind == "float":
        return torch.randn(*sizes)
    if kind == "padded":
        return torch.arange(sizes[1]).expand(sizes[0], -1) >= torch.arange(sizes[1] - sizes[0] + 1, sizes[1] + 1).view(-1, 1)
    if kind == "causal":
        return nn.Transformer.generate_square_subsequent_mask(sizes[0])
    if kind == "later":
        return torch.ones(sizes[0], sizes[0]).triu(1).bool()
    return v


def make(name, options):
    options = {k: value(v) for k, v in options.items()}
    if "dropout" in options:
        # a whole number is a float, as JavaScript's numbers are
        options["dropout"] = float(options["dropout"])
    layers = {"TransformerEncoder": "TransformerEncoderLayer", "TransformerDecoder": "TransformerDecoderLayer"}
    if name not in layers:
        return getattr(nn, name)(**options)
    norm = options.pop("norm", None)
    outer = {k: options.pop(k) for k in ["enable_nested_tensor", "mask_check"] if k in options}
    count = options.pop("num_layers")
    layer = getattr(nn, layers[name])(**options)
    return getattr(nn, name)(layer, count, norm=nn.LayerNorm(options["d_model"]) if norm else None, **outer)


def outcome(name, options, shapes, kwargs):
    torch.manual_seed(11)
    module = make(name, options)
    state = module.state_dict()
    bytes = {"made " + k: digest(v) for k, v in state.items()}
    bytes["next random numbers"] = digest(torch.rand(3))
    dtype = next(module.parameters()).dtype
    made = []
    for shape in shapes:
        made.append(made[shape] if isinstance(shape, int) else torch.randn(*shape).to(dtype).requires_grad_())
    kwargs = {k: value(v) for k, v in kwargs.items()}
    results = tensors(module(*made, **kwargs))
    for i, r in enumerate(results):
        bytes[f"output {i}"] = digest(r)
    sum((r * torch.randn(r.shape).to(r.dtype)).sum() for r in results).backward()
    for i, t in enumerate(made):
        if t.grad is not None:
            bytes[f"gradient of input {i}"] = digest(t.grad)
    for n, p in module.named_parameters():
        if p.grad is not None:
            bytes["gradient of " + n] = digest(p.grad)
    module.eval()
    for i, r in enumerate(tensors(module(*made, **kwargs))):
        bytes[f"output {i} in eval"] = digest(r)
    with torch.no_grad():
        for i, r in enumerate(tensors(module(*made, **kwargs))):
            bytes[f"output {i} for inference"] = digest(r)
    bytes["last random numbers"] = digest(torch.rand(3))
    return {"repr": repr(module), "keys": list(state), "bytes": bytes}


with open(sys.argv[1]) as file:
    print(json.dumps([outcome(*case) for case in json.load(file)]))
