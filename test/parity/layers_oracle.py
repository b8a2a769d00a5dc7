"""Runs the cases of layers.ts in Python and prints, as JSON, what a layer made, gave, and left behind."""

import hashlib
import json
import sys
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def value(v):
    """An argument: what JSON cannot say is an object of one key."""
    if isinstance(v, list):
        return tuple(value(each) for each in v)
    if isinstance(v, str) and isinstance(getattr(torch, v, None), torch.dtype):
        return getattr(torch, v)
    if isinstance(v, dict):
        (kind, content), = v.items()
        return {"float": float, "tensor": torch.tensor, "list": list}[kind](content)
    return v


def make(what, dtype):
    """An input: see Input in layers.ts."""
    if what is None:
        return None
    if isinstance(what, list):
        return torch.randn(what).to(dtype)
    if isinstance(what, dict):
        (kind, content), = what.items()
        if kind == "list":
            return content
        return torch.tensor(content) if kind == "tensor" else tuple(make(w, dtype) for w in content)
    kind, *sizes = what.split(":")
    sizes = [int(s) for s in sizes]
    if kind == "double":
        return torch.randn(*sizes).double()
    if kind == "classes":
        return torch.randint(0, sizes[0], sizes[1:])
    if kind == "rand":
        return torch.rand(*sizes).to(dtype)
    if kind == "signs":
        return torch.randint(0, 2, sizes).to(dtype) * 2 - 1
    if kind == "binary":
        return torch.randint(0, 2, sizes).to(dtype)
    if kind == "mask":
        return torch.randint(0, 2, sizes) > 0
    if kind == "shares":
        return torch.rand(*sizes).softmax(1)
    raise ValueError(what)


def digest(t):
    if t.is_sparse:
        shape = str(tuple(t.shape)).replace(",)", ")")
        return f"sparse {shape} {digest(t.detach()._indices())} {digest(t.detach()._values())}"
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    return str(tuple(t.shape)).replace(",)", ")") + " " + hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]


def tensors(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for part in out if part is not None for t in tensors(part)]


def construct(name, args, kwargs):
    return getattr(nn, name)(*[value(a) for a in args], **{k: value(v) for k, v in kwargs.items()})


def refusal(name, args, kwargs, *inputs):
    """The message of the constructor, or where there are inputs of the call."""
    torch.manual_seed(7)
    try:
        module = construct(name, args, kwargs)
        if inputs:
            dtype = next((p.dtype for p in module.parameters()), torch.float32)
            module(*[make(i, dtype) for i in inputs])
    except Exception as error:
        return str(error)
    raise AssertionError(f"Python accepts {name} {args} {kwargs} {inputs}")


def outcome(name, args, kwargs, *inputs):
    torch.manual_seed(7)
    module = construct(name, args, kwargs)
    state = module.state_dict()
    bytes = {"made " + k: digest(v) for k, v in state.items()}
    bytes["next random numbers"] = digest(torch.rand(3))
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    made = [make(i, dtype) for i in inputs]
    first = made[0]
    smooth = isinstance(first, torch.Tensor) and first.is_floating_point()
    if smooth:
        first.requires_grad_()

    def run(x):
        # a leaf cannot be changed in place
        return tensors(module(x * 1 if smooth else x, *made[1:]))

    for step in range(2):
        results = run(first)
        for i, r in enumerate(results):
            bytes[f"output {i} of step {step}"] = digest(r)
        if results[0].requires_grad:
            (results[0] * torch.randn(results[0].shape).to(results[0].dtype)).sum().backward()
    if smooth and first.grad is not None:
        bytes["gradient of the input"] = digest(first.grad)
    for n, p in module.named_parameters():
        if p.grad is not None:
            bytes["gradient of " + n] = digest(p.grad)
    module.eval()
    bytes["output in eval"] = digest(run(first.detach() if smooth else first)[0])
    for n, b in module.named_buffers():
        bytes["afterwards " + n] = digest(b)
    bytes["last random numbers"] = digest(torch.rand(3))
    return {"repr": repr(module), "keys": list(state), "metadata": list(state._metadata.items()), "bytes": bytes}


run = refusal if sys.argv[2:] == ["refusals"] else outcome
with open(sys.argv[1]) as file:
    print(json.dumps([run(*case) for case in json.load(file)]))
