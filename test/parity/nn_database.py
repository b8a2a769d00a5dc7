"""Python's own database of layers and inputs (torch.testing._internal.common_modules, in the wheel), run here and written for Node:
the arguments and what came of them as JSON, all tensors that go in as one file of torch.save. See nn-database.test.ts."""

import hashlib
import inspect
import json
import sys
import types
import unittest
import warnings

# The database imports PyTorch's test helpers, which want the package expecttest for a base class of tests.
sys.modules["expecttest"] = types.ModuleType("expecttest")
sys.modules["expecttest"].TestCase = unittest.TestCase

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.testing._internal import common_modules  # noqa: E402

warnings.simplefilter("ignore")
torch.set_num_threads(1)

tensors = {}


class RecordedLayer(nn.TransformerEncoderLayer):
    """TransformerEncoder takes a layer: this one remembers what it was made from."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.made_from = args, kwargs

    def _get_name(self):
        return "TransformerEncoderLayer"


def inputs_of(info, function, dtype, training):
    torch.manual_seed(3)
    usual = nn.TransformerEncoderLayer
    if info.module_cls is nn.TransformerEncoder:
        nn.TransformerEncoderLayer = torch.nn.TransformerEncoderLayer = RecordedLayer
    try:
        return list(function(info, device="cpu", dtype=dtype, requires_grad=True, training=training))
    finally:
        nn.TransformerEncoderLayer = torch.nn.TransformerEncoderLayer = usual


class Case:
    """The tensors of one case; the same tensor twice is one tensor."""

    def __init__(self, number):
        self.number, self.names, self.leaves = number, {}, {}

    def own(self, v):
        """The value with leaves of its own in place of tensors."""
        if isinstance(v, torch.Tensor):
            if id(v) not in self.names:
                name = f"{self.number}/{len(self.names)}"
                self.names[id(v)] = name
                self.leaves[name] = v.detach().requires_grad_(v.requires_grad)
                tensors[name] = v.detach().clone()
            return self.leaves[self.names[id(v)]]
        if isinstance(v, (list, tuple)):
            return type(v)(self.own(each) for each in v)
        return {k: self.own(each) for k, each in v.items()} if isinstance(v, dict) else v

    def text(self, v):
        """The value for JSON: what JSON cannot say is an object of one key."""
        if isinstance(v, torch.Tensor):
            name = self.names[id(v)]
            return {"tensor": [name, self.leaves[name].requires_grad]}
        if isinstance(v, (list, tuple)):
            return [self.text(each) for each in v]
        if isinstance(v, dict):
            return {k: self.text(each) for k, each in v.items()}
        if isinstance(v, RecordedLayer):
            args, kwargs = v.made_from
            return {"layer": [self.text(args), self.text(kwargs)]}
        if isinstance(v, nn.LinearCrossEntropyOptions):
            names = inspect.signature(nn.LinearCrossEntropyOptions).parameters
            return {"options": {name: self.text(getattr(v, name)) for name in names}}
        if isinstance(v, torch.dtype):
            return str(v).removeprefix("torch.")
        if isinstance(v, float) and v in (float("inf"), float("-inf")):
            return {"float": str(v)}
        if isinstance(v, complex):
            return {"complex": {"re": v.real, "im": v.imag}}
        return {"function": v.__name__} if callable(v) else v


def digest(t):
    t = t.detach().contiguous()
    hash = hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]
    return f"{t.dtype} {list(t.shape)} {hash}".removeprefix("torch.")


def results(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for part in out if part is not None for t in results(part)]


def run(info, sample, training, number):
    case = Case(number)
    make, call = sample.constructor_input, sample.forward_input
    if info.module_cls in WHOLE_FLOATS:
        make.args = tuple(map(float, make.args))
    args, kwargs = case.own(make.args), case.own(make.kwargs)
    given = {"name": info.name.removeprefix("nn."), "training": training, "args": case.text(make.args)}
    given["kwargs"] = case.text(make.kwargs)
    found = {"bytes": {}}
    bytes = found["bytes"]
    try:
        torch.manual_seed(7)
        module = info.module_cls(*args, **kwargs)
        module.train(training)
        found["repr"] = repr(module)
        found["keys"] = list(module.state_dict())
        if not info.is_lazy:
            given["state"] = f"{number}/state"
            # other values than those that Node draws by itself
            with torch.no_grad():
                for t in module.state_dict().values():
                    if t.is_floating_point():
                        t.mul_(0.75)
            tensors[given["state"]] = {k: v.clone() for k, v in module.state_dict().items()}
        if call is not None:
            inputs, named = case.own(call.args), case.own(call.kwargs)
            given["inputs"], given["named"] = case.text(call.args), case.text(call.kwargs)
            torch.manual_seed(11)
            out = results(module(*inputs, **named))
            for i, t in enumerate(out):
                bytes[f"output {i}"] = digest(t)
            smooth = [t for t in out if t.requires_grad]
            for t in smooth:
                (t * torch.randn(t.shape, dtype=t.dtype)).sum().backward(retain_graph=True)
            found["differentiable"] = len(smooth)
            for name, leaf in case.leaves.items():
                if leaf.grad is not None:
                    bytes["gradient of " + name] = digest(leaf.grad)
            for name, p in module.named_parameters():
                if p.grad is not None:
                    bytes["gradient of " + name] = digest(p.grad)
            for name, t in module.state_dict().items():
                bytes["afterwards " + name] = digest(t)
            found["repr afterwards"] = repr(module)
            bytes["last random numbers"] = digest(torch.rand(3))
    except Exception as error:
        found["error"] = str(error)
    return {"given": given, "found": found}


# A whole number prints as a float there: JavaScript has one kind of numbers.
WHOLE_FLOATS = {nn.Softplus, nn.Softshrink}

cases = []
for info in common_modules.module_db:
    # The samples that the database gives to FractionalMaxPool are float64.
    dtype = torch.float64 if "FractionalMaxPool" in info.name else torch.float32
    # 857 samples, and evaluation is the same there
    for training in [True] if info.module_cls is nn.LinearCrossEntropyLoss else [True, False]:
        for sample in inputs_of(info, info.module_inputs_func, dtype, training):
            cases.append(run(info, sample, training, len(cases)))
        if info.module_error_inputs_func:
            for wrong in inputs_of(info, info.module_error_inputs_func, dtype, training):
                cases.append(run(info, wrong.module_error_input, training, len(cases)))

torch.save(tensors, sys.argv[1])
print(json.dumps(cases))
