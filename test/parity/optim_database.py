"""Python's own database of optimizers and options (torch.testing._internal.common_optimizers, in the wheel), run here and written
for Node: what the options were as JSON, what came of them as one file of torch.save. See optim-database.test.ts.

    optim_database.py JSON PT
"""

import json
import sys
import types
import unittest

# The database imports PyTorch's test helpers, which want the package expecttest for a base class of tests.
sys.modules["expecttest"] = types.ModuleType("expecttest")
sys.modules["expecttest"].TestCase = unittest.TestCase

import torch  # noqa: E402
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db  # noqa: E402

torch.set_num_threads(1)
STEPS = 10
SHAPES = [(10, 5), (4, 6), (3, 3)]  # Muon takes matrices only


def plain(value):
    if isinstance(value, torch.Tensor):
        return {"tensor": value.tolist()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def start(dtype):
    generator = torch.Generator().manual_seed(5)
    randn = lambda shape: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return [randn(s) for s in SHAPES], [[randn(s) for s in SHAPES] for _ in range(STEPS)]


def loss_of(params):
    """Something with curvature for those that call a closure."""
    return sum(((p - 0.5).pow(4).sum() + p.pow(2).sum() * 0.1) for p in params)


def run(info, kwargs, dtype, impl):
    tensors, gradients = starts[str(dtype)[6:]]
    params = [t.clone().requires_grad_() for t in tensors]
    optimizer = info.optim_cls(params, **kwargs, **({impl: True} if impl else {}))
    for step in gradients:
        if info.step_requires_closure:

            def closure():
                optimizer.zero_grad()
                loss = loss_of(params)
                loss.backward()
                return loss

            optimizer.step(closure)
        else:
            for p, g in zip(params, step):
                p.grad = g.to_sparse() if info.only_supports_sparse_grads else g.clone()
            optimizer.step()
    return {"params": [p.detach() for p in params], "state": optimizer.state_dict()["state"]}


starts = {str(dtype)[6:]: start(dtype) for dtype in (torch.float32, torch.float64)}
cases, results, errors = {}, {}, []
for info in optim_db:
    name = info.optim_cls.__name__
    for given in info.optim_inputs_func(device="cpu"):
        for impl in [None, *(i for i in info.supported_impls if i != "differentiable")]:
            # a tensor as rate and foreach are refused together, and fused needs its own dtypes
            if impl == "foreach" and isinstance(given.kwargs.get("lr"), torch.Tensor) and not given.kwargs.get("capturable"):
                continue
            for dtype in (torch.float32, torch.float64):
                title = f"{name} {given.desc}, {impl or 'single'}, {str(dtype)[6:]}"
                result = run(info, given.kwargs, dtype, impl)
                cases[title] = {
                    "optimizer": name,
                    "options": {k: plain(v) for k, v in given.kwargs.items()},
                    "impl": impl,
                    "dtype": str(dtype)[6:],
                    "sparse": info.only_supports_sparse_grads,
                    "closure": info.step_requires_closure,
                }
                results[title] = result
    for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        given = error.optimizer_error_input
        # the others are about the form of `params`, which is the same for all optimizers and tested once
        if error.error_on is OptimizerErrorEnum.CONSTRUCTION_ERROR and given.params is None:
            try:
                info.optim_cls([torch.zeros(2, 2, requires_grad=True)], **given.kwargs)
            except Exception as e:
                message = str(e)
            errors.append([name, {k: plain(v) for k, v in given.kwargs.items()}, message])

json.dump({"cases": cases, "errors": errors}, open(sys.argv[1], "w"))
torch.save({"starts": starts, "results": results}, sys.argv[2])
