"""Every opcode that pickle has and a file can hold, in pickles put together by hand."""
import functools
import struct
import zipfile

FLOATS = struct.pack("<4f", 1, 2, 3, 4)


def text(s):
    data = s.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def storage(key="0", kind="FloatStorage", location="cpu", numel=4):
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text(location) + b"K" + bytes([numel]) + b"tQ"


def tensor(function="_rebuild_tensor_v2", size=b"K\x04\x85", stride=b"K\x01\x85", more=b"\x89ccollections\nOrderedDict\n)R", **kind):
    return f"ctorch._utils\n{function}\n(".encode() + storage(**kind) + b"K\x00" + size + stride + more + b"tR"


def numpy_scalar(data):
    dtype = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return b"cnumpy.core.multiarray\nscalar\n" + dtype + data + b"\x86R"


def write(path, pickle, records=None, top="archive", version="3\n", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{top}/data.pkl", pickle)
        if version:
            archive.writestr(f"{top}/version", version)
        for name, data in (records if records is not None else {"data/0": FLOATS}).items():
            archive.writestr(f"{top}/{name}", data)


def u64(n):
    return struct.pack("<Q", n)


PICKLES = {
    # protocol 0
    "int": b"I1\n.",
    "int_negative": b"I-70000\n.",
    "int_plus_and_long": b"(I+7\nI9999999999\nt.",
    "int_booleans": b"(I00\nI01\nI0\nI1\nt.",
    "long": b"(L5L\nL-12345678901234567890123L\nL7\nt.",
    "float": b"(F1.5\nF-2\nF1e10\nFinf\nFnan\nF-inf\nF.5\nt.",
    "string": b"(S'abc'\nS\"it's\"\nS'a\\nb\\x41\\101\\\\\\''\nS''\nt.",
    "unicode": b"(Vabc\nV\xe9\nV\\u20ac\\U0001f600\nV\\u005cn\nV\\u000a\nVa\\b\nt.",
    "none": b"N.",
    "list_of_mark": b"(I1\nI2\nl.",
    "tuple_of_mark": b"(I1\n(tt.",
    "dict_of_mark": b"(Va\nI1\nVb\nI2\nd.",
    "append": b"(lI1\naI2\na.",
    "setitem": b"(dVa\nI1\nsI2\nI3\ns.",
    "put_and_get": b"(lp0\nVx\np7\nag7\nag0\na.",
    "global": b"(cbuiltins\nlen\nc__builtin__\nxrange\nccopy_reg\n_reconstructor\nt.",
    "reduce": b"cfractions\nFraction\n(I1\nI2\ntR.",
    "build": b"ccollections\nOrderedDict\n(tR(Vx\nI1\ndb.",
    "build_object": b"cargparse\nNamespace\n(tR(Vx\nI1\ndb.",
    "inst": b"(I1\nI2\nifractions\nFraction\n.",
    "inst_without_arguments": b"(iargparse\nNamespace\n(Va\nI1\ndb.",
    "mark_and_pop_mark": b"I1\n(I2\nI3\n1.",
    "pop": b"I1\nI2\n0.",
    "pop_a_mark": b"I1\n(0.",
    "dup": b"(I1\n2t.",
    "reconstructor": b"ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR(Vlr\nF0.5\ndb.",
    # protocol 1
    "binint": b"(J\xff\xff\xff\xffJ\x00\x00\x01\x00K\xffM\xff\xfft.",
    "binfloat": b"(G\x3f\xf8\x00\x00\x00\x00\x00\x00G\x40\x00\x00\x00\x00\x00\x00\x00t.",
    "binstring": b"(T\x03\x00\x00\x00abcU\x02deU\x00t.",
    "binunicode": b"(X\x03\x00\x00\x00abcX\x00\x00\x00\x00X\x02\x00\x00\x00\xc3\xa9t.",
    "empty_containers": b"(]})t.",
    "appends": b"](K\x01K\x02e(eK\x03a.",
    "setitems": b"}(K\x01K\x02K\x03K\x04u(uK\x01K\x05s.",
    "binput_and_binget": b"]q\x00X\x01\x00\x00\x00xq\x05ah\x05ah\x00a.",
    "long_binput_and_binget": b"]r\x00\x01\x00\x00X\x01\x00\x00\x00xr\x00\x00\x01\x00aj\x00\x00\x01\x00aj\x00\x01\x00\x00a.",
    "memo_of_other_values": b"(K\x01q\x00h\x00Nq\x01h\x01G?\xf0\x00\x00\x00\x00\x00\x00q\x02h\x02t.",
    "memo_again": b"(X\x01\x00\x00\x00aq\x00h\x00X\x01\x00\x00\x00bq\x00h\x00t.",
    "obj": b"(cfractions\nFraction\nK\x01K\x02o.",
    "obj_without_arguments": b"(cargparse\nNamespace\no}(X\x01\x00\x00\x00aK\x01ub.",
    # protocol 2
    "proto": b"\x80\x02N.",
    "proto_again": b"\x80\x02\x80\x02K\x01\x80\x02.",
    "newobj": b"\x80\x02cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00aK\x01sb.",
    "newobj_with_arguments": b"\x80\x02cdecimal\nDecimal\n" + text("1.5") + b"\x85\x81.",
    "newobj_ordered_dict": b"\x80\x02ccollections\nOrderedDict\n)\x81X\x01\x00\x00\x00aK\x01s.",
    "tuples": b"\x80\x02(K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87t.",
    "booleans": b"\x80\x02\x88\x89\x86.",
    "long1": b"\x80\x02(\x8a\x00\x8a\x01\xff\x8a\x01\x7f\x8a\x02\x80\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00t.",
    "long4": b"\x80\x02\x8b\x02\x00\x00\x00\x00\x01\x8b\x00\x00\x00\x00\x86.",
    "append_to_a_deque": b"\x80\x02ccollections\ndeque\n)RK\x01a(K\x02K\x03e.",
    "build_of_slots": b"\x80\x02cobjects\nSlotted\n)\x81N}X\x01\x00\x00\x00aK\x01s\x86b.",
    "python2_names": b"\x80\x02(c__builtin__\nunicode\nc__builtin__\nlong\ncitertools\nizip\ncexceptions\nValueError\ncQueue\nQueue\nt.",
    "python2_strings_as_keys": b"\x80\x02}q\x00(U\x05epochq\x01K\x03U\x02lrq\x02G?\xb9\x99\x99\x99\x99\x99\x9au.",
    # protocol 3
    "binbytes": b"\x80\x03(B\x03\x00\x00\x00a\x00\xffC\x01\xffC\x00B\x00\x00\x00\x00t.",
    "python3_names": b"\x80\x03cbuiltins\nrange\nK\x00K\x03K\x01\x87R.",
    # protocol 4
    "frame": b"\x80\x04\x95" + u64(3) + b"K\x01.",
    "two_frames": b"\x80\x04\x95" + u64(2) + b"K\x01\x95" + u64(2) + b"\x85.",
    "short_binunicode": b"\x80\x04\x8c\x02\xc3\xa9\x8c\x00\x86.",
    "binunicode8": b"\x80\x04\x8d" + u64(3) + b"abc.",
    "binbytes8": b"\x80\x04\x8e" + u64(2) + b"\x00\xff.",
    "sets": b"\x80\x04\x8f(K\x01K\x02\x90(\x90.",
    "frozenset": b"\x80\x04(K\x01K\x02\x91(\x91\x86.",
    "memoize": b"\x80\x04]\x94\x8c\x01x\x94ah\x01ah\x00a.",
    "stack_global": b"\x80\x04\x8c\x09fractions\x8c\x08Fraction\x93K\x01K\x02\x86R.",
    "stack_global_with_dots": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93.",
    "newobj_ex": b"\x80\x04\x8c\x07objects\x8c\x07Options\x93K\x02\x85}\x8c\x01aK\x01s\x92}\x8c\x05firstK\x02s\x8c\x04more}\x8c\x01aK\x01ssb.",
    "newobj_ex_without_keywords": b"\x80\x04\x8c\x07decimal\x8c\x07Decimal\x93\x8c\x031.5\x85}\x92.",
    # protocol 5
    "bytearray8": b"\x80\x05\x96" + u64(2) + b"\x00\xff.",
    "bytearray8_twice": b"\x80\x05\x96" + u64(1) + b"a\x94h\x00\x86.",
    # storages
    "tensor": b"\x80\x02" + tensor() + b".",
    "tensor_of_protocol_0": tensor().replace(b"\x89", b"I00\n") + b".",
    "tensor_on_meta": b"\x80\x02" + tensor(location="meta") + b".",
    "tensor_twice": b"\x80\x02" + tensor() + b"q\x00h\x00\x86.",
    "tensor_before_0_4": b"\x80\x02" + tensor("_rebuild_tensor", more=b"") + b".",
    "tensor_of_a_cuda_class": b"\x80\x02" + tensor().replace(b"ctorch\nFloat", b"ctorch.cuda\nFloat") + b".",
    "tensor_with_empty_metadata": b"\x80\x02" + tensor(more=b"\x89ccollections\nOrderedDict\n)R}") + b".",
    "tensor_without_conj": b"\x80\x02" + tensor(more=b"\x89ccollections\nOrderedDict\n)R}" + text("neg") + b"\x88s") + b".",
    "tensor_v3": b"\x80\x02"
    + tensor("_rebuild_tensor_v3", b"K\x02\x85", more=b"\x89ccollections\nOrderedDict\n)Rctorch\nfloat32\n", numel=16).replace(
        b"ctorch\nFloatStorage", b"ctorch.storage\nUntypedStorage"
    )
    + b".",
    "parameter": b"\x80\x02ctorch._utils\n_rebuild_parameter\n" + tensor() + b"\x88ccollections\nOrderedDict\n)R\x87R.",
    "parameter_before_0_4": b"\x80\x02ctorch.nn.parameter\nParameter\n)\x81("
    + tensor("_rebuild_tensor", more=b"")
    + b"Nccollections\nOrderedDict\n)R\x88\x89tb.",
    "parameter_with_flags": b"\x80\x02ctorch.nn.parameter\nParameter\n" + tensor() + b"\x85\x81\x89\x89ccollections\nOrderedDict\n)R\x87b.",
    "tensor_of_state": b"\x80\x02ctorch\nTensor\n)R(" + storage() + b"K\x01K\x03\x85K\x01\x85tb.",
    "ordered_dict_of_python_2": b"\x80\x02ccollections\nOrderedDict\n](](U\x01bK\x01e](U\x01aK\x02ee\x85R}U\x09_metadatac"
    + b"collections\nOrderedDict\n](](U\x00}U\x07versionK\x01see\x85Rsb.",
    "ordered_dict_of_pairs": b"\x80\x02ccollections\nOrderedDict\n](U\x01bK\x01\x86U\x01aK\x02\x86e\x85RU\x01cK\x03s.",
    "numpy_of_python_2": b"\x80\x02(" + numpy_scalar(b"U\x04@@@@") + numpy_scalar(b"U\x04\x00\x00\x80?") + numpy_scalar(b"U\x04\xc3\xa9\xc3\xa9") + b"t.",
    "quantized_with_lists": b"\x80\x02ctorch._utils\n_rebuild_qtensor\n("
    + storage(kind="QInt8Storage", numel=16)
    + b"K\x00K\x02K\x02\x86K\x02K\x01\x86(ctorch\nper_channel_affine\n](F0.5\nF1.0\ne](K\x00K\x01eK\x00t\x89ccollections\nOrderedDict\n)RtR.",
    "sizes_as_torch_size": b"\x80\x02" + tensor(size=b"ctorch\nSize\nK\x04\x85\x85R") + b".",
    "sparse_of_three": b"\x80\x02ctorch._utils\n_rebuild_sparse_tensor\nctorch.serialization\n_get_layout\n"
    + text("torch.sparse_coo")
    + b"\x85R"
    + tensor(size=b"K\x01K\x02\x86", stride=b"K\x02K\x01\x86", kind="LongStorage", key="1", numel=2)
    + tensor(size=b"K\x02\x85")
    + b"ctorch\nSize\nK\x03\x85\x85R\x87\x86R.",
    "from_type_of_1_7": b"\x80\x02ctorch._tensor\n_rebuild_from_type\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n"
    + tensor()[len(b"ctorch._utils\n_rebuild_tensor_v2\n") : -1]
    + b"}tR.",
    "device_tensor": b"\x80\x02ctorch._utils\n_rebuild_device_tensor_from_cpu_tensor\n("
    + tensor()
    + b"ctorch\nfloat16\n"
    + text("cpu")
    + b"\x88tR.",
    "device_tensor_from_numpy": b"\x80\x02ctorch._utils\n_rebuild_device_tensor_from_numpy\n("
    + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85"
    + b"c_codecs\nencode\n" + text("b") + text("latin1") + b"\x86RtR(K\x01K\x02\x85cnumpy\ndtype\n(" + text("f4") + b"\x89\x88tR"
    + b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89c_codecs\nencode\n" + text("\x00\x00\u0080?\x00\x00\x00@")
    + text("latin1") + b"\x86Rtb"
    + b"ctorch\nbfloat16\n"
    + text("cpu")
    + b"\x89tR.",
}

# a tensor that was saved on another machine, and where it is to go
MOVED = {
    "cuda_to_cpu": ("cuda:0", "cpu"),
    "cuda_by_a_map": ("cuda:1", {"cuda:1": "cpu", "cpu": "cuda:7"}),
    "mps_to_cpu": ("mps", "cpu"),
    "xpu_to_cpu": ("xpu:0", "cpu"),
    "hpu_to_cpu": ("hpu:0", "cpu"),
    "unknown_to_cpu": ("privateuseone:3", "cpu"),
    "cuda_to_meta": ("cuda:0", "meta"),
    "cpu_to_meta": ("cpu", "meta"),
    "cpu_not_in_the_map": ("cpu", {"cuda:0": "cpu"}),
}


def cases():
    records = {"data/0": FLOATS, "data/1": struct.pack("<2q", 0, 2)}
    for name, pickle in PICKLES.items():
        load = {"encoding": "latin1"} if "python_2" in name else {}
        yield name, functools.partial(write, pickle=pickle, records=records), {"same": False, "load": load}
    for name, (saved, wanted) in MOVED.items():
        pickle = b"\x80\x02" + tensor(location=saved) + b"."
        yield name, functools.partial(write, pickle=pickle), {"same": False, "load": {"map_location": wanted}}
