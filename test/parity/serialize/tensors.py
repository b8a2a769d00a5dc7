"""Tensors of every dtype, layout and kind, and how they share memory."""
import functools
import warnings

import torch
from torch import nn
from torch.testing._internal import two_tensor

warnings.filterwarnings("ignore")

DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex128 complex64 complex32 uint16 uint32 uint64 "
    "float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu float4_e2m1fn_x2 bits8 bits16 bits1x8 bits2x4 bits4x2"
).split()
SPARSE = {
    "csr": lambda d: d.to_sparse_csr(),
    "csc": lambda d: d.to_sparse_csc(),
    "bsr": lambda d: d.to_sparse_bsr((2, 2)),
    "bsc": lambda d: d.to_sparse_bsc((2, 2)),
}


class Tagged(torch.Tensor):
    """A subclass without anything of its own."""


class Stateful(torch.Tensor):
    def __setstate__(self, state):
        self.__dict__.update(state)


class Weight(nn.Parameter):
    """A subclass of Parameter."""


def raw(dtype, count=6):
    """Elements of a dtype over a pattern of bytes."""
    size = torch.empty(0, dtype=dtype).element_size()
    return (torch.arange(size * count, dtype=torch.int64) % (2 if dtype == torch.bool else 61)).to(torch.uint8).view(dtype)


def with_attributes(tensor, **attributes):
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor


def quantized(dtype, channels=False, axis=0):
    x = torch.arange(12.0).reshape(3, 4) - 2
    if not channels:
        return torch.quantize_per_tensor(x, 0.5, 0 if dtype == torch.qint32 else 3, dtype)
    count = x.shape[axis]
    scales = torch.arange(1, count + 1, dtype=torch.float64) / 4
    return torch.quantize_per_channel(x, scales, torch.arange(count), axis, dtype)


def values():
    for name in DTYPES:
        yield f"dtype_{name}", raw(getattr(torch, name))
    for name in ("float32", "complex64", "uint16", "bfloat16", "bits16"):
        flat = raw(getattr(torch, name), 24)
        yield f"views_of_{name}", [flat, flat.view(2, 3, 4).permute(2, 0, 1), flat[5:9], flat[::5], flat.view(4, 6)[1:, 2:4]]
    x = torch.arange(12.0).reshape(3, 4)
    yield "scalar", torch.tensor(1.5)
    yield "scalars", [torch.tensor(1), torch.tensor(True), torch.tensor(1j), torch.tensor(2.5, dtype=torch.float16)]
    yield "empty", torch.empty(0)
    yield "empty_with_sizes", [torch.empty(0, 3), torch.empty(2, 0, 4, dtype=torch.int8), torch.empty(3, 0)[1:]]
    yield "empty_of_a_storage", [x[3:], x[:, 4:], x]
    yield "empty_twice", [(empty := torch.empty(0)), empty.view(0, 2), empty]
    yield "eight_dimensions", torch.arange(256).reshape([2] * 8).transpose(0, 7)
    yield "transposed", x.t()
    yield "strided", x[::2, 1::2]
    yield "column", x[:, 1]
    yield "channels_last", torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)
    yield "expanded", torch.arange(3.0).view(3, 1).expand(3, 5)
    yield "expanded_scalar", torch.tensor(2.0).expand(2, 2)
    yield "overlapping", torch.arange(10.0).as_strided((4, 3), (2, 1), 1)
    yield "unfolded", torch.arange(8).unfold(0, 4, 2)
    yield "large_strides_of_size_one", torch.arange(4.0).as_strided((1, 2), (1000, 1))
    yield "tied_weights", {"encoder.weight": x, "decoder.weight": x, "head.weight": x.view(4, 3)}
    yield "tied_parameters", nn.ModuleDict({"a": (a := nn.Linear(2, 2)), "b": a}).state_dict()
    yield "views_before_their_base", [x[1], x[2, 1:], x]
    yield "detached", [(p := nn.Parameter(x.clone())), p.detach(), p.data]
    yield "part_of_a_large_storage", torch.arange(5000)[100:102]
    yield "same_object_twice", [x, x, {"x": x}]
    yield "bytes_under_other_dtypes", [(b := torch.arange(8, dtype=torch.uint8)), b.view(torch.uint16), b.view(torch.float8_e5m2)]
    yield "requires_grad", [torch.ones(2, requires_grad=True), torch.ones(2, dtype=torch.complex64, requires_grad=True)]
    yield "not_a_leaf", (torch.ones(2, requires_grad=True) * 2)
    yield "gradients_are_not_saved", with_gradient(torch.ones(2, requires_grad=True))
    z = torch.tensor([1 + 2j, 3 - 1j])
    yield "conj", [z.conj(), z]
    yield "neg", z.conj().imag
    yield "conj_and_neg", [torch._neg_view(z.conj()), torch._neg_view(z), z.conj().resolve_conj()]
    yield "conj_complex32", torch.tensor([1 + 2j]).to(torch.complex32).conj()
    yield "neg_of_floats", torch._neg_view(x)
    yield "conj_requires_grad", torch.tensor([1j], requires_grad=True).conj().detach().requires_grad_()
    yield "meta", torch.empty(3, 4, device="meta")
    yield "meta_kinds", [
        torch.empty(2, 3, device="meta", dtype=torch.bfloat16).t(),
        torch.empty((), device="meta", dtype=torch.uint16),
        torch.empty(2, device="meta", requires_grad=True),
        nn.Parameter(torch.empty(2, device="meta")),
    ]
    yield "meta_state_dict", nn.Linear(2, 3, device="meta").state_dict()
    yield from parameters(x)
    yield from sparse(x)
    for name in ("quint8", "qint8", "qint32"):
        yield f"{name}_per_tensor", quantized(getattr(torch, name))
        yield f"{name}_per_channel", quantized(getattr(torch, name), channels=True)
        yield f"{name}_per_last_channel", quantized(getattr(torch, name), channels=True, axis=1)
    four = torch.rand(4, 4), torch.ones(4), torch.zeros(4), 0
    yield "quint4x2_per_channel", torch.quantize_per_channel(*four, torch.quint4x2)
    yield "quint2x4_per_channel", torch.quantize_per_channel(*four, torch.quint2x4)
    yield "per_channel_float_parameters", torch.quantize_per_channel(*four, torch.quint8)
    q = quantized(torch.quint8)
    yield "quantized_views", [q, q.t(), q[1:, 2:], q.reshape(2, 6)]
    yield "quantized_channel_views", [(c := quantized(torch.qint8, True)), c]
    yield "quantized_empty", [torch.quantize_per_tensor(torch.empty(0, 2), 0.1, 0, torch.qint8), q]
    yield "quantized_whole_scale", torch.quantize_per_tensor(x, 2.0, 0, torch.qint8)
    yield "nested_strided", torch.nested.nested_tensor([torch.ones(2, 3), torch.arange(3.0).view(1, 3)])
    yield "nested_of_ints", torch.nested.nested_tensor([torch.arange(3), torch.arange(5)])
    yield "nested_transposed", torch.nested.nested_tensor([torch.arange(6.0).view(2, 3), torch.arange(3.0).view(1, 3)]).transpose(1, 2)
    yield "nested_empty_parts", torch.nested.nested_tensor([torch.ones(0, 3), torch.ones(1, 3), torch.ones(2, 3)])
    yield "nested_scalars", torch.nested.nested_tensor([torch.tensor(1.0), torch.tensor(2.0)])
    yield "nested_views", [(n := torch.nested.nested_tensor([torch.ones(2, 2), torch.zeros(1, 2)])), n.unbind()[1]]
    yield "nested_parameter", nn.Parameter(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))
    yield "nested_jagged", torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)], layout=torch.jagged)
    yield "wrapper_subclass", two_tensor.TwoTensor(x, x + 1)
    yield "wrapper_subclass_as_parameter", nn.Parameter(two_tensor.TwoTensor(x, x + 1))
    yield "parameter_of_jagged", {"w": nn.Parameter(jagged := torch.nested.nested_tensor([x, x[:1]], layout=torch.jagged)), "n": jagged}
    yield "storage_untyped", torch.arange(6, dtype=torch.uint8).untyped_storage()
    yield "storage_typed", [torch.arange(3).storage(), torch.ones(2, dtype=torch.bool).storage(), torch.ones(1).storage()]
    yield "storage_and_views", {"storage": x.storage(), "again": x.storage(), "x": x, "row": x[1]}
    yield "storage_untyped_and_view", [(u := raw(torch.uint16)).untyped_storage(), u]
    yield "storage_empty", [torch.empty(0).storage(), torch.empty(0, dtype=torch.uint8).untyped_storage()]
    yield "many", {f"layer{i}.weight": torch.full((2, 2), float(i)) for i in range(300)}


def parameters(x):
    yield "parameter", nn.Parameter(torch.ones(2))
    yield "parameter_frozen", nn.Parameter(torch.ones(2), requires_grad=False)
    yield "parameters_same_and_views", [(p := nn.Parameter(x.clone())), p, p.data[0]]
    yield "parameter_with_attributes", with_attributes(nn.Parameter(torch.ones(2)), tag="x", scale=1.0, shard=(0, 1))
    yield "parameter_with_a_tensor_attribute", with_attributes(nn.Parameter(x), mask=x > 1)
    yield "parameter_of_uint8", nn.Parameter(torch.ones(2, dtype=torch.uint8), requires_grad=False)
    yield "parameter_of_float8", nn.Parameter(torch.ones(2).to(torch.float8_e4m3fn), requires_grad=False)
    yield "parameter_subclass", Weight(torch.ones(3))
    yield "parameter_list", list(nn.ParameterList([torch.ones(1), torch.zeros(2)]).parameters())
    yield "buffers", [nn.Buffer(torch.ones(2)), nn.Buffer(torch.ones(2), persistent=False)]
    yield "buffer_with_attributes", with_attributes(nn.Buffer(torch.ones(2)), tag=1)
    yield "tensor_with_attributes", with_attributes(torch.zeros(2), tag=1.0, note="x", list=[1, (2,)])
    yield "tensor_with_a_tensor_attribute", with_attributes(torch.zeros(2), mask=torch.ones(2, dtype=torch.bool))
    yield "subclass", torch.ones(2).as_subclass(Tagged)
    yield "subclass_with_attributes", with_attributes(torch.ones(2, 3).t().as_subclass(Tagged), tag=[1])
    yield "subclass_with_setstate", with_attributes(torch.ones(2).as_subclass(Stateful), tag={"a": 1})
    yield "subclass_of_float8", torch.ones(2).to(torch.float8_e5m2).as_subclass(Tagged)
    yield "subclass_views", [(base := torch.arange(4.0).as_subclass(Tagged)), base[1:]]
    yield "uninitialized", nn.LazyLinear(3).state_dict()
    yield "uninitialized_buffer", nn.LazyBatchNorm1d().state_dict()


def sparse(x):
    coo = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 0]], [1.0, 2.0, 3.0], (2, 3))
    yield "sparse_coo", x.to_sparse()
    yield "sparse_coo_not_coalesced", coo
    yield "sparse_coo_empty", torch.sparse_coo_tensor(size=(2, 3))
    yield "sparse_coo_hybrid", torch.sparse_coo_tensor([[0, 2]], [[1.0, 2.0], [3.0, 4.0]], (3, 2))
    yield "sparse_coo_of_bool", torch.eye(3, dtype=torch.bool).to_sparse()
    yield "sparse_coo_of_complex", (torch.eye(2) * 1j).to_sparse()
    yield "sparse_coo_requires_grad", x.to_sparse().requires_grad_()
    yield "sparse_coo_sharing_values", [(v := torch.ones(2)), torch.sparse_coo_tensor([[0, 1]], v, (3,))]
    yield "sparse_coo_parameter", nn.Parameter(coo.coalesce())
    dense = torch.block_diag(torch.ones(2, 2), torch.full((2, 2), 3.0))
    for name, make in SPARSE.items():
        yield f"sparse_{name}", make(dense)
        yield f"sparse_{name}_of_int32", torch.sparse_compressed_tensor(*parts_of(make(dense), torch.int32), layout=make(dense).layout)
        yield f"sparse_{name}_batched", make(torch.stack([dense, dense * 2]))
    yield "sparse_csr_of_float16", dense.half().to_sparse_csr()
    yield "sparse_csr_parameter", nn.Parameter(dense.to_sparse_csr())
    yield "sparse_csr_empty", torch.zeros(2, 3).to_sparse_csr()
    yield "sparse_csr_requires_grad", dense.to_sparse_csr().requires_grad_()


def parts_of(t, dtype):
    rows = t.layout in (torch.sparse_csr, torch.sparse_bsr)
    first, second = (t.crow_indices(), t.col_indices()) if rows else (t.ccol_indices(), t.row_indices())
    return first.to(dtype), second.to(dtype), t.values(), t.shape


def with_gradient(t):
    t.sum().backward()
    return t


def cases():
    for name, value in values():
        yield name, functools.partial(torch.save, value)
