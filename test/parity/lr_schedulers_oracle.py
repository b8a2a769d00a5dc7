"""Runs the cases of lr-schedulers.test.ts: rates as bits and states at three points, or on from the states of Node."""
import json
import sys
import warnings

import torch
from torch.optim import lr_scheduler as L

warnings.simplefilter("ignore")
lambdas = {"halves": lambda e: 1 / (1 + e / 2), "shrinks": lambda e: 0.95 + 0.01 * (e % 3)}


def make(case):
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": float(lr)} for lr in case["lrs"]]
    optimizer = torch.optim.Adam(groups) if case.get("adam") else torch.optim.SGD(groups, momentum=0.5)
    return optimizer, build(optimizer, case["scheduler"])


def value(v):
    return lambdas[v] if isinstance(v, str) and v in lambdas else v


def build(optimizer, spec):
    name, options = spec
    options = {k: value(v) for k, v in options.items()}
    if name in ("SequentialLR", "ChainedScheduler"):
        options["schedulers"] = [build(optimizer, s) for s in options["schedulers"]]
    return getattr(L, name)(optimizer=optimizer, **options)


def number(v):
    return [number(x) for x in v] if isinstance(v, (list, tuple)) else float(v).hex()


def advance(case, optimizer, scheduler, start, end):
    seen = []
    for i in range(start, end):
        if "fractions" in case:
            scheduler.step(i / case["fractions"])
        elif "metrics" in case:
            scheduler.step(case["metrics"][i])
        else:
            scheduler.step()
        keys = ("lr", "momentum", "betas")
        seen.append([[number(g[k]) for k in keys if k in g] for g in optimizer.param_groups] + [number(scheduler.get_last_lr())])
    return seen


cases, epochs, points, mode, folder = (*json.loads(sys.argv[1]), sys.argv[2], sys.argv[3])
result = []
for i, case in enumerate(cases):
    if mode == "run":
        optimizer, scheduler = make(case)
        seen, done = [], 0
        for point in points:
            seen += advance(case, optimizer, scheduler, done, point)
            done = point
            torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, f"{folder}/python-{i}-{point}.pt")
        result.append(seen + advance(case, optimizer, scheduler, done, epochs))
    else:
        for point in points:
            own, node = (torch.load(f"{folder}/{who}-{i}-{point}.pt", weights_only=True) for who in ("python", "node"))
            optimizer, scheduler = make(case)
            optimizer.load_state_dict(node["optimizer"])
            scheduler.load_state_dict(node["scheduler"])
            # repr tells ints from floats and dicts from Counters, and shows the order of keys
            result.append([repr(own), repr(node), advance(case, optimizer, scheduler, point, epochs)])
print(json.dumps(result))
