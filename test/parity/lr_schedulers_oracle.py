"""Runs the cases of lr-schedulers.test.ts: rates as bits and states at three points, or on from the states of Node."""
import inspect
import json
import struct
import sys
import warnings

import torch
from torch.optim import lr_scheduler as L

warnings.simplefilter("ignore")
lambdas = {"halves": lambda e: 1 / (1 + e / 2), "shrinks": lambda e: 0.95 + 0.01 * (e % 3)}


def make(case):
    rate = float
    if "tensorLr" in case:
        rate = lambda lr: torch.tensor(lr, dtype=getattr(torch, case["tensorLr"]))
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate(lr)} for lr in case["lrs"]]
    optimizer = torch.optim.Adam(groups) if case.get("adam") else torch.optim.SGD(groups, momentum=0.5)
    return optimizer, build(optimizer, case["scheduler"])


# JavaScript writes 1 for 1.0: a float is what the default is, and these without one
FLOATS = ("max_lr", "base_lr", "gamma")


def value(v, is_float):
    if isinstance(v, list):
        return [value(x, is_float) for x in v]
    if isinstance(v, str):
        return lambdas.get(v, v)
    return float(v) if is_float else v


def build(optimizer, spec):
    name, options = spec
    scheduler = getattr(L, name)
    kinds = inspect.signature(scheduler).parameters
    if "schedulers" in options:
        options = {**options, "schedulers": [build(optimizer, s) for s in options["schedulers"]]}
    else:
        options = {k: value(v, k in FLOATS or isinstance(kinds[k].default, float)) for k, v in options.items()}
    return scheduler(**options) if name == "ChainedScheduler" else scheduler(optimizer, **options)


def number(v):
    return [number(x) for x in v] if isinstance(v, (list, tuple)) else f"{struct.unpack('>Q', struct.pack('>d', float(v)))[0]:x}"


def advance(case, optimizer, scheduler, start, end):
    seen = []
    for i in range(start, end):
        if "fractions" in case:
            # JavaScript writes 1 for 1.0
            epoch = i / case["fractions"]
            scheduler.step(int(epoch) if epoch.is_integer() else epoch)
        elif "metrics" in case:
            scheduler.step(case["metrics"][i])
        else:
            scheduler.step()
        keys = ("lr", "momentum", "betas")
        seen.append([[number(g[k]) for k in keys if k in g] for g in optimizer.param_groups] + [number(scheduler.get_last_lr())])
    return seen


cases, epochs, points, mode, folder = (*json.loads(sys.argv[1]), sys.argv[2], sys.argv[3])
result = {}
for i, (name, case) in enumerate(cases.items()):
    if mode == "run":
        optimizer, scheduler = make(case)
        seen, done = [], 0
        for point in points:
            seen += advance(case, optimizer, scheduler, done, point)
            done = point
            torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, f"{folder}/python-{i}-{point}.pt")
        result[name] = seen + advance(case, optimizer, scheduler, done, epochs)
    else:
        result[name] = []
        for point in points:
            own, node = (torch.load(f"{folder}/{who}-{i}-{point}.pt", weights_only=True) for who in ("python", "node"))
            # repr tells ints from floats and dicts from Counters, and shows the order of keys; loading may change the dict
            states = [repr(own), repr(node)]
            optimizer, scheduler = make(case)
            optimizer.load_state_dict(node["optimizer"])
            scheduler.load_state_dict(node["scheduler"])
            result[name].append([*states, advance(case, optimizer, scheduler, point, epochs)])
print(json.dumps(result))
