"""Runs the cases of losses.ts in Python: `values` gives what a loss makes, its gradients and theirs; `refusals` the message of
what is refused; `warnings` the texts that were warned of."""

import hashlib
import json
import sys
import warnings

import torch
from torch import nn

torch.set_num_threads(1)


def value(v):
    if isinstance(v, list):
        return tuple(value(each) for each in v)
    if isinstance(v, str) and isinstance(getattr(torch, v, None), torch.dtype):
        return getattr(torch, v)
    if isinstance(v, dict):
        (kind, content), = v.items()
        return {
            "float": float,
            "tensor": torch.tensor,
            "options": lambda c: nn.LinearCrossEntropyOptions(**{k: value(each) for k, each in c.items()}),
            "distance": lambda c: nn.PairwiseDistance(p=1.0) if c == "module" else lambda a, b: (a - b).abs().amax(1),
        }[kind](content)
    return v


def make(what, dtype):
    if isinstance(what, list):
        return torch.randn(what).to(dtype)
    if isinstance(what, (int, float)):
        return float(what)
    if isinstance(what, dict):
        (kind, content), = what.items()
        return content if kind == "ints" else torch.tensor(content)
    kind, *sizes = what.split(":")
    sizes = [int(s) for s in sizes]
    return {
        "classes": lambda: torch.randint(0, sizes[0], sizes[1:]),
        "rand": lambda: torch.rand(*sizes).to(dtype),
        "signs": lambda: torch.randint(0, 2, sizes).to(dtype) * 2 - 1,
        "binary": lambda: torch.randint(0, 2, sizes).to(dtype),
        "shares": lambda: torch.rand(*sizes).to(dtype).softmax(1),
    }[kind]()


def digest(t):
    if t is None:
        return None
    # numpy cannot read zeros that have no memory
    t = (torch.zeros(t.shape, dtype=t.dtype) if t._is_zerotensor() else t.detach()).contiguous()
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    return str(tuple(t.shape)).replace(",)", ")") + " " + hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]


def construct(name, args, kwargs):
    return getattr(nn, name)(*[value(a) for a in args], **{k: value(v) for k, v in kwargs.items()})


def attempt(f):
    try:
        return f()
    except Exception as error:
        return str(error).split("\n")[0]


def values(name, args, kwargs, inputs, dtype, grads):
    torch.manual_seed(3)
    dtype = getattr(torch, dtype)
    module = construct(name, args, kwargs).to(dtype)
    made = [make(i, dtype) for i in inputs]
    leaves = [m.requires_grad_() for m in made[:grads]] + list(module.parameters())
    out = module(*made)
    parts = [out] if isinstance(out, torch.Tensor) else list(out)
    results = {f"output {i}": digest(part) for i, part in enumerate(parts)}
    loss = (parts[-1] * torch.randn(parts[-1].shape).to(dtype)).sum()
    first = torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True)
    results["first"] = [digest(g) for g in first]

    def second():
        again = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
        smooth = [g for g in again if g is not None and g.requires_grad]
        if not smooth:
            return "constant"
        total = sum((g * torch.randn(g.shape).to(g.dtype)).sum() for g in smooth)
        return [digest(g) for g in torch.autograd.grad(total, leaves, allow_unused=True)]

    results["second"] = attempt(second)
    results["random"] = digest(torch.rand(2))
    state = module.state_dict()
    return {"repr": repr(module), "state": {k: digest(v) for k, v in state.items()}, "results": results,
            "metadata": list(state._metadata.items())}


def refusals(name, args, kwargs, inputs, dtype, grads):
    """Of the constructor, or where there are inputs of the call."""
    torch.manual_seed(3)
    if inputs is None:
        return attempt(lambda: "Python accepts it: " + repr(construct(name, args, kwargs)))
    module = construct(name, args, kwargs)
    made = [make(i, getattr(torch, dtype)) for i in inputs]
    return attempt(lambda: "Python accepts it: " + repr(module(*made)))


def warned(name, args, kwargs, inputs, dtype, grads):
    torch.manual_seed(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = construct(name, args, kwargs)
        module(*[make(i, getattr(torch, dtype)) for i in inputs])
    return [str(w.message) for w in caught]


with open(sys.argv[1]) as file:
    run = {"values": values, "refusals": refusals, "warnings": warned}[sys.argv[2]]
    if sys.argv[2] != "warnings":
        warnings.simplefilter("ignore")
    print(json.dumps([run(*case) for case in json.load(file)]))
