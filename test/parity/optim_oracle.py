"""Python's side of optim.test.ts.

    optim_oracle.py run CASES OUT             every case from its start: parameters and state after each part, then those of a
                                              new optimizer that loads the first part's state, before and after its own steps
    optim_oracle.py continue CASES OUT NODE   checks Node's state after the first part, continues from it, compares the end
"""
import inspect
import json
import sys

import torch

PART, STEPS = 5, 10
mode, cases_file, out_file = sys.argv[1:4]
torch.set_num_threads(1)


SHAPES = {
    "matrices": [(37, 5), (5, 37), (8, 8), (1, 9), (64, 48)],
    "not empty": [(37,), (), (5, 7), (3, 1, 4), (65, 33), (8,)],
    "embeddings": [(10, 4), (7,), (5, 3, 2), (300, 9), (4, 2)],
    "rosenbrock": [(5,), (3,)],
    "regression": [(6, 3), (3,), ()],
    "network": [(6, 8), (8,), (8, 1)],
    "kinks": [(4,)],
    "gentle": [(4,)],
}


def other_start(dtype, kind):
    """Parameters of other shapes: matrices for Muon, sparse gradients as pairs of indices and values, problems for LBFGS."""
    g = torch.Generator().manual_seed(2)
    randn = lambda *shape: torch.randn(shape, generator=g, dtype=torch.float64)
    tensors = [randn(*shape).to(dtype) for shape in SHAPES[kind]]
    gradients = []
    for step in range(STEPS):
        if kind == "embeddings":
            # a place may come twice; the first gradient of one has none
            dims = [1 if i % 2 == 0 else t.dim() for i, t in enumerate(tensors)]
            counts = [0 if step == 2 and i == 1 else 3 + 40 * (i == 3) for i in range(len(tensors))]
            made = []
            for t, dim, count in zip(tensors, dims, counts):
                indices = torch.stack([torch.randint(0, size, (count,), generator=g) for size in t.shape[:dim]])
                made.append((indices, randn(count, *t.shape[dim:]).to(dtype)))
        elif kind in PROBLEMS:
            made = [None] * len(tensors)
        else:
            made = [(randn(*t.shape) * 10 ** (i % 3 - 1)).to(dtype) for i, t in enumerate(tensors)]
        if step < 3:
            made[-1] = None
        gradients.append(made)
    return tensors, gradients


def regression(w, b, s):
    x = torch.arange(24, dtype=w.real.dtype).view(4, 6).sin()
    return ((x.to(w.dtype) @ w + b) * s - 1).abs().pow(2).sum()


PROBLEMS = {
    "kinks": lambda x: ((x - 0.3).abs() * 3 + (x * 7).sin()).sum(),
    "gentle": lambda x: (x * 0.1).pow(2).sum(),
    "rosenbrock": lambda *params: sum(
        ((1 - x[:-1]).pow(2) + 100 * (x[1:] - x[:-1].pow(2)).pow(2)).sum() for x in params
    ),
    "regression": regression,
    "network": lambda a, b, c: (
        ((torch.arange(30, dtype=a.dtype).view(5, 6).cos() @ a + b).tanh() @ c).squeeze(1)
        - torch.arange(5, dtype=a.dtype)
    ).pow(2).mean(),
}


def closure_of(kind, params):
    def closure():
        for p in params:
            p.grad = None
        loss = PROBLEMS[kind](*params)
        loss.backward()
        return loss

    return closure


def start(dtype, kind=None):
    """Sizes around the width of vector units, a scalar, an empty one, one with swapped strides, and a long one."""
    if kind is not None:
        return other_start(dtype, kind)
    g = torch.Generator().manual_seed(1)
    randn = lambda *shape: torch.randn(shape, generator=g, dtype=torch.float64)
    tensors = [randn(37), randn(), randn(0, 3), randn(5, 7).t(), randn(3, 1, 4), randn(4100), randn(8)]
    gradients = [[randn(*t.shape) * 10 ** (i % 3 - 1) for i, t in enumerate(tensors)] for _ in range(STEPS)]
    if dtype.is_complex:
        tensors = [torch.complex(t, t.flip(0) if t.dim() else t) for t in tensors]
        gradients = [[torch.complex(t, t * 2 - 1) for t in step] for step in gradients]
    # the last one has no gradient at first
    for step in range(3):
        gradients[step][-1] = None
    cast = lambda t: None if t is None else t.to(dtype)
    return [cast(t) for t in tensors], [[cast(t) for t in step] for step in gradients]


def make(case, params):
    kinds = inspect.signature(getattr(torch.optim, case["optimizer"])).parameters
    options = dict(case["options"])
    for key, value in options.items():
        # JavaScript writes 0 for 0.0: a float is what the default is
        if isinstance(value, list):
            kind = [type(v) for v in kinds[key].default]
            options[key] = tuple(None if v is None else int(v) if k is int and v == int(v) else float(v) for v, k in zip(value, kind))
        elif isinstance(kinds[key].default, float):
            options[key] = float(value)
    if case.get("tensorLr"):
        options["lr"] = torch.tensor(options["lr"])
    if case.get("capturable"):
        options["capturable"] = True
        for name in ("adadelta", "adam", "adamax", "asgd", "nadam", "radam", "rmsprop", "rprop"):
            sys.modules[f"torch.optim.{name}"]._get_capturable_supported_devices = lambda supports_xla=True: ["cpu"]
    if case.get("tensorBetas"):
        options["betas"] = tuple(torch.tensor([beta], dtype=getattr(torch, case["tensorBetas"])) for beta in options["betas"])
    half = len(params) // 2
    groups = [{"params": params[:half]}, {"params": params[half:], "lr": 0.02}] if case.get("groups") else params
    return getattr(torch.optim, case["optimizer"])(groups, **options)


def steps(optimizer, params, gradients, case):
    for step in gradients:
        for p, g in zip(params, step):
            # a copy: foreach with Nesterov's momentum writes to the gradients
            # a fused step of SGD with momentum needs all gradients from the first step on
            if isinstance(g, tuple):
                p.grad = torch.sparse_coo_tensor(*g, p.shape)
                continue
            p.grad = None if g is None else g.clone()
            if g is None and case.get("allGradients"):
                p.grad = torch.ones_like(p)
        optimizer.step(*([closure_of(case["start"], params)] if case.get("start") in PROBLEMS else []))


def resume(case, part, gradients):
    """What a new optimizer that loads a part's state has then, and at the end."""
    params = [t.detach().clone().requires_grad_() for t in part["params"]]
    optimizer = make(case, params)
    # a copy: the loaded `step` tensors are the very ones that were given
    optimizer.load_state_dict(copy(part["optimizer"]))
    loaded = copy({"params": params, "optimizer": optimizer.state_dict()})
    steps(optimizer, params, gradients[PART:], case)
    return loaded, copy({"params": params, "optimizer": optimizer.state_dict()})


def copy(value):
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {k: copy(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(copy(v) for v in value)
    return value


def same(a, b, where="dict"):
    """Equal in kinds, order of keys and bytes."""
    if type(a) is not type(b):
        return f"{where}: {type(a).__name__} {a!r} and {type(b).__name__} {b!r}"
    if isinstance(a, torch.Tensor):
        bits = lambda t: t.detach().contiguous().flatten().view(torch.uint8) if t.numel() else t
        equal = a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))
        return None if equal else f"{where}: tensors differ by {(a - b).abs().max() if a.shape == b.shape else 'shape'}"
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{where}: keys {list(a)} and {list(b)}"
        return next((d for k in a if (d := same(a[k], b[k], f"{where}[{k!r}]"))), None)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{where}: {len(a)} and {len(b)} items"
        return next((d for i, (x, y) in enumerate(zip(a, b)) if (d := same(x, y, f"{where}[{i}]"))), None)
    return None if a == b else f"{where}: {a!r} and {b!r}"


cases = json.load(open(cases_file))
if mode == "run":
    out = {"starts": {}, "cases": {}}
    for name, case in cases.items():
        dtype = getattr(torch, case["dtype"])
        tensors, gradients = start(dtype, case.get("start"))
        out["starts"].setdefault(case["dtype"] + case.get("start", ""), {"tensors": tensors, "gradients": gradients})
        params = [t.clone().requires_grad_() for t in tensors]
        optimizer = make(case, params)
        parts = []
        for part in (gradients[:PART], gradients[PART:]):
            steps(optimizer, params, part, case)
            parts.append(copy({"params": params, "optimizer": optimizer.state_dict()}))
        out["cases"][name] = [*parts, *resume(case, parts[0], gradients)]
    torch.save(out, out_file)
else:
    own = torch.load(out_file, weights_only=True)
    node = torch.load(sys.argv[4], weights_only=True)
    failures = {}
    for name, case in cases.items():
        half, _, _, end = own["cases"][name]
        given = node[name]
        problem = same(half["optimizer"], given["optimizer"]) or same(half["params"], given["params"])
        if problem is None:
            _, reached = resume(case, given, own["starts"][case["dtype"] + case.get("start", "")]["gradients"])
            problem = same(end["optimizer"], reached["optimizer"]) or same(end["params"], reached["params"])
        if problem:
            failures[name] = problem
    print(json.dumps(failures))
