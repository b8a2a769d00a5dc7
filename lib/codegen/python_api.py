"""Lists the public names of Python's torch, for `npm run gen`: which operators are functions, which are methods, and what
else there is. Writes lib/codegen/python-api.json. Run with the torch of the reference version."""

import inspect
import json
import pathlib
import sys

import torch
import torch.nn.functional
import torch.nn.init
import torch.nn.utils
import torch.optim.lr_scheduler
import torch.special
import torch.utils.data


def public(namespace):
    return sorted(name for name in dir(namespace) if not name.startswith("_"))


def kind(value):
    if inspect.ismodule(value):
        return "module"
    if inspect.isclass(value):
        return "class"
    if isinstance(value, torch.dtype):
        return "dtype"
    if callable(value):
        return "python function" if inspect.isfunction(value) else "function"
    return "value"


def kinds(namespace, names):
    return {name: kind(getattr(namespace, name)) for name in names}


def native_names(namespace):
    return sorted(name for name in dir(namespace) if not name.startswith("__"))


def own_functions(namespace):
    """Functions that are defined below the namespace, not imported into it."""
    return [n for n in public(namespace)
            if inspect.isfunction(getattr(namespace, n)) and getattr(namespace, n).__module__.startswith("torch.nn")]


api = {
    "version": torch.__version__.split("+")[0],
    "torch": kinds(torch, [n for n in public(torch) if hasattr(torch, n)]),
    "Tensor": {name: "property" if not callable(getattr(torch.Tensor, name, None)) else kind(getattr(torch.Tensor, name))
               for name in sorted(dir(torch.Tensor)) if not name.startswith("_")},
    "variableFunctions": native_names(torch._C._VariableFunctions),
    "nn": native_names(torch._C._nn),
    "linalg": native_names(torch._C._linalg),
    "fft": native_names(torch._C._fft),
    "special": native_names(torch._C._special),
    "functional": {name: kind for name, kind in kinds(torch.nn.functional, public(torch.nn.functional)).items()
                   if "function" in kind and getattr(getattr(torch.nn.functional, name), "__module__", "") != "typing"},
    "nnClasses": sorted(n for n in public(torch.nn) if inspect.isclass(getattr(torch.nn, n))),
    "init": own_functions(torch.nn.init),
    "nnUtils": own_functions(torch.nn.utils),
    "optim": sorted(n for n in public(torch.optim) if inspect.isclass(getattr(torch.optim, n))),
    "lrScheduler": sorted(torch.optim.lr_scheduler.__all__),
    "data": sorted(torch.utils.data.__all__),
}
path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("python-api.json")
path.write_text(json.dumps(api, indent=1, sort_keys=True) + "\n")
print(f"{path.name}: {len(api['torch'])} names of torch, {len(api['Tensor'])} of Tensor")
