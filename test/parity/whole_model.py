"""Modules of every class of torch.nn, pickled whole, with what they print, hold and give: those of Python's own database of layers
(torch.testing._internal.common_modules) and, below, those that are not in it. See whole-model.test.ts."""

import hashlib
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
from torch.nn import functional as F  # noqa: E402
from torch.testing._internal import common_modules  # noqa: E402

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def digest(t):
    t = t.detach().contiguous()
    hash = hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]
    return f"{t.dtype} {list(t.shape)} {hash}".removeprefix("torch.")


def results(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for part in out if part is not None for t in results(part)]


def shown(module):
    state = module.state_dict()
    return {
        "repr": repr(module),
        "keys": list(state),
        "metadata": sorted(state._metadata.items()),
        "state": [digest(t) if not nn.parameter.is_lazy(t) else "lazy" for t in state.values()],
        "training": [m.training for m in module.modules()],
        "parameters": [[n, p.requires_grad] for n, p in module.named_parameters()],
        "buffers": [n for n, _ in module.named_buffers()],
    }


saved, found = [], []


def case(module, inputs, named=None):
    """Notes a module as it is saved, and what comes of calling it."""
    index = len(saved)
    one = {"class": type(module).__name__, "before": shown(module)}
    # pickled now: a call may change buffers
    torch.save([module, inputs, named or {}], f"{sys.argv[1]}/{index}.pt")
    saved.append(index)
    if inputs is not None:
        # the leaves of the file, not those that were used before
        module, inputs, named = torch.load(f"{sys.argv[1]}/{index}.pt", weights_only=False)
        # __setstate__ of a decoder layer puts relu in front of an activation that is a module, which repr still shows
        if isinstance(module, nn.TransformerDecoderLayer) and "activation" in module._modules:
            del module.__dict__["activation"]
        torch.manual_seed(11)
        out = results(module(*inputs, **named))
        one["output"] = [digest(t) for t in out]
        for t in out:
            if t.requires_grad:
                (t * torch.randn(t.shape, dtype=t.dtype)).sum().backward(retain_graph=True)
        leaves = [t for t in [*inputs, *named.values()] if isinstance(t, torch.Tensor)]
        one["input gradients"] = [digest(t.grad) for t in leaves if t.grad is not None]
        one["gradients"] = {n: digest(p.grad) for n, p in module.named_parameters() if p.grad is not None}
        one["after"] = shown(module)
    one["random"] = digest(torch.rand(3))
    found.append(one)


def database():
    for info in common_modules.module_db:
        dtype = torch.float64 if "FractionalMaxPool" in info.name else torch.float32
        seen = {}
        torch.manual_seed(3)
        for training in [True, False]:
            for sample in info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training):
                make, call = sample.constructor_input, sample.forward_input
                # a whole number prints as a float in Node: JavaScript has one kind of numbers
                args = map(float, make.args) if info.module_cls in (nn.Softplus, nn.Softshrink) else make.args
                module = info.module_cls(*args, **make.kwargs).train(training)
                # each way to make it, at most a dozen of a class
                key = repr(module), training, str({k: str(v)[:40] for k, v in module.__dict__.items() if k[0] != "_"})
                if key in seen or len(seen) >= 24 or call is None:
                    continue
                seen[key] = True
                state = [t for t in module.state_dict().values() if not nn.parameter.is_lazy(t)]
                with torch.no_grad():
                    for t in state:
                        if t.is_floating_point():
                            t.mul_(0.75)
                inputs = tuple(t.detach().requires_grad_(t.requires_grad) if isinstance(t, torch.Tensor) else t for t in call.args)
                named = {k: t.detach().requires_grad_(t.requires_grad) if isinstance(t, torch.Tensor) else t for k, t in call.kwargs.items()}
                case(module, inputs, named)


def others():
    torch.manual_seed(5)
    x = lambda *shape: torch.randn(*shape, requires_grad=True)  # noqa: E731
    yield nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4], div_value=2.0, head_bias=True), (x(3, 4), torch.tensor([0, 3, 5]))
    for dropout in nn.AlphaDropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout:
        yield dropout(0.25), (x(2, 3, *([4] * (3 if "3d" in dropout.__name__ else 2 if "2d" in dropout.__name__ else 1))),)
        yield dropout(0.25).eval(), (x(2, 3, *([4] * (3 if "3d" in dropout.__name__ else 2 if "2d" in dropout.__name__ else 1))),)
    yield nn.ChannelShuffle(2), (x(1, 4, 2, 2),)
    yield nn.Container(a=nn.Linear(2, 2), b=nn.ReLU()), None
    yield nn.CosineSimilarity(dim=0, eps=1e-6), (x(3, 4), x(3, 4))
    yield nn.CrossMapLRN2d(2, alpha=0.001, beta=0.5, k=2), (x(1, 4, 2, 2),)
    yield nn.DataParallel(nn.Linear(2, 3)), (x(4, 2),)
    yield nn.EmbeddingBag(5, 3, mode="sum", padding_idx=1), (torch.tensor([0, 1, 4, 2]), torch.tensor([0, 2]))
    yield nn.EmbeddingBag(5, 3, mode="max", max_norm=1.0), (torch.tensor([[0, 1], [4, 2]]),)
    yield nn.Embedding(5, 3, padding_idx=-1, scale_grad_by_freq=True), (torch.tensor([0, 1, 1, 4]),)
    yield nn.Embedding.from_pretrained(torch.rand(3, 2)), (torch.tensor([0, 2]),)
    yield nn.Flatten(0, 1), (x(2, 3, 2),)
    yield nn.Fold((3, 3), 2, padding=0), (x(1, 4, 4),)
    yield nn.Hardsigmoid(), (x(4),)
    yield nn.Identity(4, unused=True), (x(2),)
    yield nn.LazyBatchNorm1d(momentum=None), (x(4, 3),)
    yield nn.LazyBatchNorm2d(affine=False), (x(2, 3, 2, 2),)
    yield nn.LazyBatchNorm3d(), (x(2, 3, 2, 2, 2),)
    yield nn.LazyInstanceNorm1d(affine=True), (x(2, 3, 4),)
    yield nn.LazyInstanceNorm2d(track_running_stats=True), (x(2, 3, 2, 2),)
    yield nn.LazyInstanceNorm3d(), (x(2, 3, 2, 2, 2),)
    yield nn.LazyLinear(3, bias=False), (x(2, 4),)
    yield nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2)), (x(2, 4),)
    made = nn.LazyConv2d(3, 2)
    made(torch.randn(1, 2, 4, 4))
    yield made, (x(1, 2, 4, 4),)
    for dims, unpool in enumerate([nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d], 1):
        pooled, indices = getattr(F, f"max_pool{dims}d")(torch.randn(1, 2, *[4] * dims), 2, return_indices=True)
        yield unpool(2), (pooled.requires_grad_(), indices)
    yield nn.ModuleDict({"10": nn.Linear(2, 2), "9": nn.Tanh(), "a": nn.ModuleDict()}), None
    yield nn.ModuleList([nn.Linear(2, 2), nn.ModuleList([nn.ReLU()])]), None
    yield nn.NLLLoss2d(), (x(1, 3, 2, 2).log_softmax(1).detach().requires_grad_(), torch.randint(0, 3, (1, 2, 2)))
    yield nn.PairwiseDistance(3.5, 1e-5, True), (x(3, 4), x(3, 4))
    yield nn.ParameterDict({"b": torch.ones(2), "a": torch.zeros(1, 2), "n": 3, "10": torch.ones(1)}), None
    yield nn.ParameterList([torch.ones(2), 3, "text", nn.Parameter(torch.zeros(2), requires_grad=False)]), None
    yield nn.PixelShuffle(2), (x(1, 4, 2, 2),)
    yield nn.PixelUnshuffle(2), (x(1, 1, 4, 4),)
    yield nn.RNNBase("GRU", 2, 3), None
    yield nn.RNNCellBase(2, 3, True, 2), None
    yield nn.RReLU(0.1, 0.3), (x(4),)
    yield nn.SyncBatchNorm(3).eval(), (x(2, 3),)
    yield nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, dropout=0.1), 2, nn.LayerNorm(4)), (x(3, 1, 4), x(2, 1, 4))
    yield nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2).eval(), (x(2, 3, 4),)
    for activation in F.gelu, F.silu, torch.tanh, torch.relu, F.leaky_relu, F.mish, F.softplus, nn.GELU(), nn.SELU():
        yield nn.TransformerEncoderLayer(4, 2, 8, activation=activation, norm_first=True), (x(3, 1, 4),)
        yield nn.TransformerDecoderLayer(4, 2, 8, activation=activation, batch_first=True), (x(1, 3, 4), x(1, 2, 4))
    yield nn.TripletMarginLoss(0.5, 3.0, swap=True), (x(3, 4), x(3, 4), x(3, 4))
    for distance in None, F.cosine_similarity, nn.PairwiseDistance(1.5), F.pairwise_distance:
        yield nn.TripletMarginWithDistanceLoss(distance_function=distance, margin=0.5), (x(3, 4), x(3, 4), x(3, 4))
    yield nn.LinearCrossEntropyLoss(4, 5, options=nn.LinearCrossEntropyOptions(batch_chunk_size=2, chunking_method=None)), (x(3, 4), torch.tensor([0, 3, 4]))
    yield nn.Unflatten(1, (2, 2)), (x(3, 4),)
    yield nn.Unfold(2, padding=1), (x(1, 2, 3, 3),)
    yield nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True), (x(1, 2, 3, 3),)
    yield nn.Upsample(size=(5, 4)), (x(1, 2, 3, 3),)
    yield nn.UpsamplingBilinear2d(size=5), (x(1, 2, 3, 3),)
    yield nn.UpsamplingNearest2d(scale_factor=2), (x(1, 2, 3, 3),)
    yield nn.GRU(3, 4, 2, bidirectional=True, batch_first=True, dropout=0.2, bias=False), (x(2, 5, 3),)
    yield nn.LSTM(3, 4, proj_size=2), (x(5, 2, 3),)
    yield nn.LSTM(3, 4, proj_size=2, bias=False), (x(5, 2, 3),)
    yield nn.RNN(3, 4, nonlinearity="relu"), (x(5, 3),)
    yield nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5, dropout=0.1), (x(2, 1, 4), x(3, 1, 3), x(3, 1, 5))
    yield nn.MultiheadAttention(4, 2, bias=False, batch_first=True).eval(), (x(1, 2, 4), x(1, 3, 4), x(1, 3, 4))
    yield nn.Linear(3, 2).double(), (torch.randn(2, 3, dtype=torch.float64, requires_grad=True),)
    yield nn.Module(), None
    yield nn.Transformer(4, 2, 1, 1, 8, activation="gelu", batch_first=True), (x(1, 3, 4), x(1, 2, 4))

    # hooks of PyTorch's own
    old = nn.utils
    yield old.weight_norm(nn.Linear(2, 3)), (x(4, 2),)
    yield nn.Sequential(old.weight_norm(nn.Conv1d(2, 3, 2, bias=False), dim=None), nn.Tanh()).eval(), (x(1, 2, 4),)
    yield old.weight_norm(old.weight_norm(nn.GRU(2, 3), "weight_ih_l0"), "weight_hh_l0", dim=1), (x(4, 2),)
    yield old.spectral_norm(nn.Conv2d(1, 2, 3), n_power_iterations=2, eps=1e-10), (x(1, 1, 4, 4),)
    yield nn.Sequential(old.spectral_norm(nn.ConvTranspose1d(2, 3, 2)), nn.ReLU()).eval(), (x(1, 2, 4),)
    yield old.spectral_norm(nn.Embedding(4, 3)), (torch.tensor([1, 2]),)
    yield old.spectral_norm(nn.Linear(3, 2, bias=False)), (x(2, 3),)

    # trees
    tied = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    yield tied, (x(2, 3),)
    block = nn.Linear(3, 3)
    yield nn.Sequential(block, nn.ReLU(inplace=True), block, nn.Sequential(block)), (x(2, 3),)
    frozen = nn.Sequential(nn.Conv2d(1, 2, 3, padding="same", padding_mode="circular"), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 3))
    frozen[0].requires_grad_(False)
    frozen[1].eval()
    yield frozen, (x(2, 1, 4, 4),)
    buffers = nn.Sequential(nn.Linear(2, 2))
    buffers.register_buffer("kept", torch.arange(3))
    buffers.register_buffer("dropped", torch.arange(2), persistent=False)
    buffers.register_buffer("none", None)
    buffers.note, buffers.sizes = "by hand", [1, 2]
    yield buffers, (x(2, 2),)
    named = nn.Sequential()
    named.add_module("first", nn.Linear(2, 2))
    named.add_module("last", nn.Softmax(dim=-1))
    yield nn.DataParallel(named), (x(2, 2),)
    yield nn.Sequential(nn.Linear(2, 2, dtype=torch.bfloat16), nn.Linear(2, 2, bias=False, dtype=torch.bfloat16)).to(torch.float32), (x(2, 2),)
    yield nn.Linear(2, 2).requires_grad_(False), (x(2, 2),)
    half = nn.BatchNorm1d(3, momentum=None, affine=False)
    half(torch.randn(4, 3))
    yield half.eval(), (x(4, 3),)


database()
for module, inputs in others():
    case(module, inputs)
classes = {n for n in dir(nn) if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)}
print(json.dumps({"cases": found, "missing": sorted(classes - {one["class"] for one in found})}))
