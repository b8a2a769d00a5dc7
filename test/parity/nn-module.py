"""What modules, their containers, copies, hooks and state dicts do in Python, as JSON: nn-module.test.ts is the same program."""

import copy
import json
import warnings
from collections import OrderedDict

import torch
from torch import nn

warnings.simplefilter("ignore")
torch.set_num_threads(1)
result = {}


def values(x):
    if isinstance(x, torch.Tensor):
        return x.detach().tolist()
    if isinstance(x, (list, tuple)):
        return [values(v) for v in x]
    return x


def message(fn):
    try:
        fn()
    except Exception as e:
        return str(e.args[0] if isinstance(e, KeyError) else e)
    return "nothing was thrown"


def text(module):
    state = module.state_dict()
    return {"repr": repr(module), "keys": sorted(state), "metadata": sorted(state._metadata)}


# ---- containers
w, b = torch.ones(2, 3), torch.zeros(4, dtype=torch.float64)
modules = nn.ModuleDict(OrderedDict([("10", nn.Linear(1, 1)), ("2", nn.ReLU()), ("a", nn.Sequential(nn.Linear(1, 2)))]))
modules["2"] = nn.Conv2d(1, 1, 1)
modules.update([("z", nn.Tanh()), ("b", nn.BatchNorm1d(2))])
result["module dict"] = text(modules)
modules.pop("10")
result["module dict after pop"] = {"keys": list(modules.keys()), "iter": list(modules), "len": len(modules)}
result["module dict errors"] = [
    message(lambda: modules.update(3)),
    message(lambda: nn.ModuleDict({"a.b": nn.ReLU()})),
    message(lambda: nn.ModuleDict([["a", nn.ReLU(), 1]])),
]
parameters = nn.ParameterDict({"b": w, "a": nn.Parameter(b, requires_grad=False), "text": "x", "none": None, "h16": w.half()})
result["parameter dict"] = text(parameters)
result["parameter dict ordered"] = text(nn.ParameterDict(OrderedDict([("b", w), ("a", b)])))
result["parameter dict pairs"] = text(nn.ParameterDict([("b", w), ("3", b), ("1", torch.ones(()))]))
last = parameters.popitem()
result["parameter dict methods"] = [
    last[0],
    parameters.setdefault("new", None),
    parameters.get("missing"),
    parameters.get("missing", 7),
    list(parameters.keys()),
    list(parameters.copy().keys()),
    list(parameters.fromkeys(["q", "p"], 1).items()),
    parameters["b"].requires_grad,
    parameters["a"].requires_grad,
    message(lambda: parameters(1)),
    message(lambda: parameters.update([["a", w, 1]])),
]
plist = nn.ParameterList([w, nn.Parameter(b), "text", 3, 1.5, None])
result["parameter list"] = text(plist)
plist[-1] = torch.ones(1)
plist.append(torch.ones(2))
plist.extend([nn.Parameter(torch.ones(3))])
result["parameter list longer"] = [*text(plist[2:]).values(), len(plist), len(list(plist.parameters()))]
result["parameter list empty"] = repr(nn.ParameterList())
result["parameter list one"] = repr(nn.ParameterList([w]))
result["parameter list errors"] = [message(lambda: plist[9]), message(lambda: plist(1))]
seq = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh())
result["sequential"] = [
    repr(seq + nn.Sequential(nn.GELU())),
    repr(seq * 2),
    repr(seq[1:]),
    repr(copy.deepcopy(seq).insert(1, nn.Sigmoid())),
    repr(copy.deepcopy(seq).append(nn.Sigmoid()).extend([nn.Identity()])),
    message(lambda: seq * 0),
    message(lambda: seq[5]),
    message(lambda: seq.insert(9, nn.ReLU())),
]
cut = copy.deepcopy(seq)
del cut[0]
result["sequential cut"] = text(cut)
lst = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Linear(1, 1), nn.Linear(1, 1), nn.Tanh()])
result["module list"] = [*text(lst + [nn.Tanh()]).values(), repr(lst[1:3]), message(lambda: lst[7])]
del lst[1:3]
result["module list cut"] = text(lst)

# ---- a tree with shared parts, and its copy
torch.manual_seed(3)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.tied = self.lin
        self.scale = nn.Parameter(torch.randn(3), requires_grad=False)
        self.register_buffer("kept", torch.arange(6.0).view(2, 3))
        self.register_buffer("part", self.kept[1])
        self.register_buffer("scratch", torch.ones(1), persistent=False)
        self.drop = nn.Dropout(0.3)
        self.drop.training = False
        self.list = nn.ParameterList([torch.randn(2), self.scale])

    def forward(self, x):
        return self.drop(self.norm(self.tied(self.lin(x)))) * self.scale


block = Block()
block.forward(torch.randn(4, 3)).sum().backward()
twin = copy.deepcopy(block)
result["copy"] = {
    "random": torch.rand(2).tolist(),
    "state": [[k, values(v)] for k, v in twin.state_dict().items()],
    "names": [[n, p.requires_grad, p.grad is None] for n, p in twin.named_parameters()],
    "training": [m.training for m in twin.modules()],
    "shared": [twin.tied is twin.lin, twin.list[1] is twin.scale, twin.lin is block.lin],
}
twin.kept.fill_(9)
result["copy shares storage"] = [values(twin.part), values(block.part)]
twin(torch.randn(4, 3)).sum().backward()
result["copy trains"] = [values(twin.lin.weight.grad), values(twin.norm.running_mean), values(block.norm.running_mean)]
leafless = nn.Module()
leafless.w = block.lin.weight * 2
result["copy errors"] = message(lambda: copy.deepcopy(leafless))

# ---- casts
result["cast"] = [[n, str(t.dtype)[6:]] for n, t in copy.deepcopy(block).half().state_dict().items()]
result["type"] = [[n, str(t.dtype)[6:]] for n, t in nn.BatchNorm1d(2, device="meta").to_empty(device="cpu").double().state_dict().items()]
meta = nn.Linear(1, 1, device="meta")
result["meta"] = [
    message(lambda: meta.to("cpu")),
    str(nn.Linear(1, 1).to("meta").weight.device),
    str(meta.to_empty(device="cpu").weight.device),
    message(lambda: block.set_submodule("", nn.ReLU())),
    message(lambda: block.set_submodule("lin.x", nn.ReLU(), strict=True)),
    message(lambda: block.set_submodule("scale", nn.ReLU())),
    message(lambda: block.get_submodule("nothing.x")),
    message(lambda: block.to(torch.int64)),
    message(lambda: block.register_buffer("lin", torch.ones(1))),
    message(lambda: block.add_module("a.b", nn.ReLU())),
    message(lambda: block.register_parameter("", None)),
]

# ---- state dicts: extra state, hooks
log = []


class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(1, 2)
        self.w = nn.Parameter(torch.ones(2))
        self.count = 3

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


outer = nn.Sequential(Extra(), nn.BatchNorm1d(2))
for name, m in [("outer", outer), ("extra", outer[0]), ("lin", outer[0].lin)]:
    m.register_state_dict_pre_hook(lambda module, prefix, keep, name=name: log.append([name, "pre", prefix, keep]))
    m.register_state_dict_post_hook(
        lambda module, sd, prefix, meta, name=name: log.append([name, "post", list(sd), prefix, dict(meta)])
    )
state = outer.state_dict()
result["save hooks"] = [log[:], list(state), sorted(state._metadata.items())]
log.clear()
for name, m in [("outer", outer), ("extra", outer[0]), ("lin", outer[0].lin)]:

    def pre(module, sd, prefix, meta, strict, missing, unexpected, errors, name=name):
        log.append([name, "load", list(sd), prefix, dict(meta), strict, list(missing), list(unexpected), list(errors)])
        if name == "lin":
            sd[prefix + "bias"] = sd.pop(prefix + "old_bias")

    m.register_load_state_dict_pre_hook(pre)
    m.register_load_state_dict_post_hook(
        lambda module, keys, name=name: log.append([name, "loaded", list(keys.missing_keys), list(keys.unexpected_keys)])
    )
state["0._extra_state"] = {"count": 8}
state["0.lin.old_bias"] = state.pop("0.lin.bias")
result["load hooks"] = [str(outer.load_state_dict(state)), log[:], outer[0].count]
outer.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
del state["0.w"], state["0._extra_state"]
result["load hooks decide"] = str(outer.load_state_dict(state))
plain = nn.Sequential(Extra(), nn.Linear(1, 1))
result["load errors"] = [
    message(lambda: plain.load_state_dict({"0.w": torch.ones(3), "1._extra_state": 1, "1.weight": "x", "what": torch.ones(1), "1.weight.deep": 1})),
    message(lambda: plain.load_state_dict({"0.w": torch.ones(3), "1.bias": torch.ones(2)}, strict=False)),
    str(plain.load_state_dict({"0.w": torch.ones(2)}, strict=False)),
    message(lambda: plain.load_state_dict(3)),
    message(lambda: outer.state_dict(destination=OrderedDict()) and outer.register_state_dict_post_hook(lambda *a: 1) and outer.state_dict()),
]

# ---- hooks of forward and backward
log.clear()


def record(name, change=None):
    def hook(module, *args):
        log.append([name, values(args)])
        return change(*args) if change else None

    return hook


class Pair(nn.Module):
    def forward(self, x, k, y):
        return x * y * k, y + 1


def run(build, *inputs, module=None, backward=lambda out: out[0].sum().backward()):
    log.clear()
    module = module or Pair()
    handles = build(module)
    leaves = [i for i in inputs if isinstance(i, torch.Tensor)]
    for leaf in leaves:
        leaf.grad = None
    out = module(*inputs)
    kinds = [o.grad_fn and o.grad_fn.name() for o in (out if isinstance(out, tuple) else (out,))]
    said = message(lambda: backward(out))
    for h in handles:
        h.remove()
    return [log[:], kinds, said, [values(leaf.grad) for leaf in leaves]]


x = torch.tensor([1.0, 2.0], requires_grad=True)
y = torch.tensor([3.0, 5.0], requires_grad=True)
c = torch.tensor([3.0, 5.0])
full = lambda m: [m.register_full_backward_hook(record("full"))]
both = lambda m: [m.register_full_backward_hook(record("full")), m.register_full_backward_pre_hook(record("pre"))]
result["full"] = run(full, x, 2, y)
result["full with constant"] = run(full, x, 2, c)
result["both of two outputs"] = run(both, x, 2, y, backward=lambda out: (out[0].sum() + 3 * out[1].sum()).backward())
result["only the other output"] = run(both, x, 2, y, backward=lambda out: out[1].sum().backward())
result["no input needs a gradient"] = run(both, torch.ones(1, 2), module=nn.Linear(2, 1, bias=False).requires_grad_(True).apply(lambda m: nn.init.ones_(m.weight)), backward=lambda out: out.sum().backward())
result["replaced"] = run(
    lambda m: [
        m.register_full_backward_hook(record("first", lambda gi, go: (gi[0] * 10, None, gi[2]))),
        m.register_full_backward_hook(record("second")),
        m.register_full_backward_hook(record("before"), prepend=True),
        m.register_full_backward_pre_hook(record("pre", lambda go: (go[0] * 2, go[1]))),
    ],
    x, 2, y,
)
result["wrong number"] = [
    run(lambda m: [m.register_full_backward_hook(record("full", lambda gi, go: (gi[0],)))], x, 2, y)[2],
    run(lambda m: [m.register_full_backward_pre_hook(record("pre", lambda go: (go[0],)))], x, 2, y)[2],
]
result["nested modules"] = run(
    lambda m: [s.register_full_backward_hook(record(str(i))) for i, s in enumerate(m)],
    x,
    module=nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid()),
    backward=lambda out: out.sum().backward(),
)
result["forward hooks"] = run(
    lambda m: [
        m.register_forward_hook(record("after", lambda args, out: (out[0] + 1, out[1]))),
        m.register_forward_pre_hook(record("before", lambda args: (args[0] * 2, *args[1:]))),
        m.register_forward_hook(record("first"), prepend=True),
        m.register_full_backward_hook(record("full")),
    ],
    x, 2, y,
)
log.clear()
failing = Pair()
failing.register_forward_hook(record("always"), always_call=True)
failing.register_forward_hook(record("never"))
result["always called"] = [message(lambda: failing("a", None, x))[:0], log[:]]

# ---- hooks of tensors
log.clear()
a = torch.tensor([1.0, 2.0], requires_grad=True)
a.register_hook(lambda g: log.append(["a", values(g)]))
h = a.register_hook(lambda g: g * 10)
a.register_hook(lambda g: log.append(["a after", values(g)]))
a.register_post_accumulate_grad_hook(lambda p: log.append(["post", values(p), values(p.grad)]))
m = a * 2
m.register_hook(lambda g: log.append(["m", values(g)]) or g + 1)
m.sum().backward()
h.remove()
(a * 3).sum().backward()
result["tensor hooks"] = [
    log[:],
    values(a.grad),
    message(lambda: torch.ones(1).register_hook(print)),
    message(lambda: (a * 1).register_post_accumulate_grad_hook(print)),
    message(lambda: torch.ones(1).register_post_accumulate_grad_hook(print)),
]
print(json.dumps(result))
