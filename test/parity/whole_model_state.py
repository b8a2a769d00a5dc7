"""Models pickled whole in every way, with what Python's state_dict() gives of each. `write` makes the files and `read` looks at the
state dicts that Node made of them: both print the same for the same. See whole-model-state.test.ts."""

import collections
import hashlib
import io
import json
import os
import pickle
import sys
import warnings

import torch
from torch import nn
from torch.ao import quantization as Q
from torch.nn import utils as U
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

warnings.simplefilter("ignore")
torch.set_num_threads(1)
folder = sys.argv[2]


def digest(t):
    if nn.parameter.is_lazy(t):
        return "lazy"
    t = t.detach()
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    hash = hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest()[:16]
    return f"{t.dtype} {list(t.shape)} {list(t.stride())} {hash}"


def shown(state):
    """Keys, bytes, versions, and which tensors share memory, all in order."""
    tensors = [t for t in state.values() if not nn.parameter.is_lazy(t)]
    storages = [t.untyped_storage().data_ptr() for t in tensors]
    return {
        "type": type(state).__name__,
        "keys": list(state),
        "bytes": [digest(t) for t in state.values()],
        "shares": [storages.index(s) for s in storages],
        "metadata": [[k, [[n, e if not isinstance(e, dict) else dict(e)] for n, e in v.items()]] for k, v in state._metadata.items()],
        "grads": [t.requires_grad for t in tensors],
    }


class Norm(nn.BatchNorm2d):
    """A batch norm of a user, with the version of PyTorch's."""


class FrozenBatchNorm2d(nn.Module):
    """No batch norm of PyTorch's, whatever it is called."""

    def __init__(self):
        super().__init__()
        for name in "weight", "bias", "running_mean", "running_var":
            self.register_buffer(name, torch.rand(2))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(width))
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, bias=False), Norm(width), nn.ReLU())
        self.shared = self.scale
        self.absent = None
        self.register_parameter("missing", None)

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.p = nn.Parameter(torch.ones(2))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 4)
        self.blocks = nn.ModuleList([Block(2), Block(2)])
        self.tail = nn.Linear(3, 4)
        self.tail.weight = self.head.weight
        self.twice = self.blocks[0]
        self.frozen = FrozenBatchNorm2d()
        self.inner = Block.Inner()
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(3))
        self.lists = nn.ParameterList([torch.randn(2), 5, torch.randn(1)])
        self.dicts = nn.ParameterDict({"b": torch.randn(2), "a": torch.randn(1)})
        self.lstm = nn.LSTM(2, 3, num_layers=2, bidirectional=True)
        self.attention = nn.MultiheadAttention(4, 2, kdim=3)
        self.own = nn.Parameter(torch.randn(2), requires_grad=False)
        self.register_buffer("kept", torch.arange(6).reshape(2, 3).t())
        self.register_buffer("dropped", torch.arange(3), persistent=False)
        self.register_buffer("nothing", None)
        self.typed = nn.Buffer(torch.rand(2).bfloat16())
        self.config = {"lr": 0.1, "classes": ["a", "b"]}
        self.register_forward_hook(hook)

    def forward(self, x):
        return self.head(x)


def hook(module, args, output):
    return output


class Numbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(1, 1)
        for name in "10", "9", "a", "1":
            self.register_parameter(name, nn.Parameter(torch.randn(1)))
        self.more = nn.ModuleDict({"10": nn.Linear(1, 1), "9": nn.ModuleDict({"5": nn.Linear(1, 1), "3": nn.ReLU()})})


class Old(pickle.Pickler):
    """Writes modules as PyTorch 0.4 did: OrderedDicts, and without attributes that came later."""

    def reducer_override(self, value):
        if isinstance(value, nn.Module):
            new, args, attributes = value.__reduce_ex__(2)[:3]
            members = "_parameters", "_buffers", "_modules"
            state = {k: collections.OrderedDict(v) if k in members else v for k, v in attributes.items()}
            for name in "_non_persistent_buffers_set", "_state_dict_hooks", "_load_state_dict_pre_hooks", "padding_mode", "proj_size":
                state.pop(name, None)
            state["_backend"] = None
            return new, args, state
        return NotImplemented


class old_pickle:
    Pickler = Old
    Unpickler, dump, loads, dumps = pickle.Unpickler, staticmethod(pickle.dump), staticmethod(pickle.loads), staticmethod(pickle.dumps)


def cases():
    torch.manual_seed(0)
    net = Net()
    yield net, net, {}
    # Python itself cannot read the storages of protocol 0
    for protocol in range(1, 6):
        yield net, net, {"pickle_protocol": protocol}
    yield net.state_dict, net, {}
    yield {"epoch": 1, "model": net, "criterion": nn.CrossEntropyLoss()}, net, {}
    yield {"anything": net, "criterion": nn.CrossEntropyLoss(weight=None)}, net, {}
    yield {"epoch": 1, "state_dict": net.state_dict}, net, {}
    yield {"criterion": nn.CrossEntropyLoss()}, nn.CrossEntropyLoss(), {}
    weighted = nn.BCEWithLogitsLoss(weight=torch.rand(2), pos_weight=torch.rand(2))
    yield weighted, weighted, {}
    for wrap in nn.DataParallel, torch.compile, AveragedModel, lambda m: nn.DataParallel(AveragedModel(m)):
        wrapped = wrap(net)
        yield wrapped, wrapped, {}
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    wrapped = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    yield wrapped, wrapped, {}
    yield {"model": wrapped.state_dict}, wrapped, {}
    torch.distributed.destroy_process_group()
    numbers = Numbers()
    yield numbers, numbers, {}
    for made in (
        U.weight_norm(nn.Linear(2, 3)),
        U.weight_norm(U.weight_norm(nn.LSTM(2, 3), "weight_ih_l0"), "weight_hh_l0"),
        nn.Sequential(U.spectral_norm(nn.Conv2d(1, 2, 3)), nn.ReLU()),
        U.spectral_norm(U.spectral_norm(nn.Bilinear(2, 3, 4)), "bias"),
        prune.l1_unstructured(nn.Linear(4, 3), "weight", amount=0.5),
        nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()),
        nn.Sequential(*(getattr(nn, f"{kind}{d}d")(2, affine=True) for kind in ("BatchNorm", "InstanceNorm") for d in (1, 2, 3))),
        nn.SyncBatchNorm(2),
        nn.Linear(2, 2).double(),
        nn.Linear(2, 2, dtype=torch.complex64),
        Q.MinMaxObserver(),
        Q.MovingAverageMinMaxObserver(),
        Q.PerChannelMinMaxObserver(),
        Q.HistogramObserver(),
        Q.PlaceholderObserver(),
        Q.FakeQuantize(),
        Q.FusedMovingAvgObsFakeQuantize(),
        Q.QuantStub(),
        torch.ao.nn.qat.Linear(2, 3, qconfig=Q.get_default_qat_qconfig()),
        torch.ao.nn.intrinsic.qat.ConvBn2d(1, 2, 3, qconfig=Q.get_default_qat_qconfig()),
        torch.ao.nn.intrinsic.LinearReLU(nn.Linear(2, 3), nn.ReLU()),
        nn.Transformer(4, 2, 1, 1, 8),
        nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4]),
    ):
        yield made, made, {}
    # older pickles
    for made in nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.LSTM(2, 3)), Block(2):
        yield made, made, {"pickle_module": old_pickle}


if sys.argv[1] == "write":
    found = []
    for i, (value, module, options) in enumerate(cases()):
        torch.save(value, f"{folder}/{i}.pt", **options)
        found.append(shown(module.state_dict()))
else:
    torch.serialization.add_safe_globals([nn.UninitializedParameter, nn.UninitializedBuffer])
    found = [shown(torch.load(f"{folder}/{i}.out.pt", weights_only=True)) for i in range(int(sys.argv[3]))]
print(json.dumps(found))
