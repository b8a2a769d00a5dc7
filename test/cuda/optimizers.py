"""Optimizers and schedulers on parameters of several shapes; optimizers.ts is the same program."""

import copy
import inspect

import torch
from torch.optim import lr_scheduler
from nets import device

SHAPES = {"any": [(37,), (), (5, 7), (33, 65), (8,)], "matrices": [(37, 5), (8, 8), (64, 48)], "embeddings": [(10, 4), (300, 9)]}
STEPS, MORE = 5, 2


def start(shapes, dtype, steps):
    """Parameters and the gradients of each step; the last parameter has none at first."""
    g = torch.Generator().manual_seed(1)
    randn = lambda shape: torch.randn(shape, generator=g, dtype=torch.float64)
    made = lambda shape: torch.complex(randn(shape), randn(shape)) if dtype.is_complex else randn(shape)
    params = [made(shape).to(dtype).to(device).requires_grad_() for shape in SHAPES[shapes]]
    gradients = []
    for _ in range(steps):
        if shapes == "embeddings":
            indices = [torch.randint(0, p.shape[0], (1, 6), generator=g) for p in params]
            gradients.append([(i.to(device), randn((6, p.shape[1])).to(dtype).to(device)) for i, p in zip(indices, params)])
        else:
            gradients.append([made(p.shape).to(dtype).to(device) for p in params])
    return params, gradients


def make(name, options, params, tensor_lr):
    defaults = inspect.signature(getattr(torch.optim, name)).parameters
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    for key, value in options.items():
        # JavaScript writes 1 for 1.0: a float is what the default is
        if isinstance(defaults[key].default, float):
            options[key] = float(value)
    if tensor_lr:
        options["lr"] = torch.tensor(options["lr"], device=device)
    return getattr(torch.optim, name)(params, **options)


def take(optimizer, params, gradients, first=0, all_gradients=False):
    for i, step in enumerate(gradients, first):
        for j, (p, g) in enumerate(zip(params, step)):
            if isinstance(g, tuple):
                p.grad = torch.sparse_coo_tensor(*g, p.shape)
            else:
                p.grad = None if j == len(params) - 1 and i < 2 and not all_gradients else g.clone()
        optimizer.step()


def optimizer_case(o, case):
    params, gradients = start(case["shapes"], getattr(torch, case["dtype"]), STEPS + MORE)
    create = lambda params: make(case["optimizer"], case["options"], params, case["tensorLr"])
    optimizer = create(params)
    take(optimizer, params, gradients[:STEPS], 0, case["allGradients"])
    o["half"] = [p.detach().clone() for p in params]
    o["state"] = copy.deepcopy(optimizer.state_dict())
    # an optimizer that loads the state goes on
    again = [p.detach().clone().requires_grad_() for p in params]
    other = create(again)
    other.load_state_dict(optimizer.state_dict())
    take(other, again, gradients[STEPS:], STEPS, case["allGradients"])
    o["end"] = again
    o["end state"] = other.state_dict()


def lbfgs_case(o, options):
    params, _ = start("any", torch.float32, 1)
    optimizer = make("LBFGS", options, params, False)

    def closure():
        optimizer.zero_grad()
        loss = sum(((p - 1).pow(2) + 0.1 * p.pow(4)).sum() for p in params)
        loss.backward()
        return loss

    o["losses"] = [optimizer.step(closure) for _ in range(3)]
    o["params"] = params
    o["state"] = optimizer.state_dict()


LAMBDAS = {"shrinks": lambda epoch: 0.95 + 0.01 * (epoch % 3)}


def scheduler(optimizer, name, options):
    if "schedulers" in options:
        options = {**options, "schedulers": [scheduler(optimizer, *spec) for spec in options["schedulers"]]}
    options = {key: LAMBDAS.get(value, value) if isinstance(value, str) else value for key, value in options.items()}
    kind = getattr(lr_scheduler, name)
    return kind(**options) if name == "ChainedScheduler" else kind(optimizer, **options)


def scheduler_case(o, case):
    params, gradients = start("any", torch.float32, 12)
    optimizer = make(case["optimizer"], case["options"], params, True)
    schedule = scheduler(optimizer, *case["scheduler"])
    rates = []
    for i, step in enumerate(gradients):
        take(optimizer, params, [step], i)
        schedule.step(*([0.5] if case["scheduler"][0] == "ReduceLROnPlateau" else []))
        rates.append(optimizer.param_groups[0]["lr"].clone())
    o["rates"] = rates
    o["params"] = params
