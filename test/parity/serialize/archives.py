"""Zip archives as PyTorch does not write them today: by other programs, of other versions, from machines of the other byte order."""
import functools
import io
import zipfile

import opcodes
import tensors
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

BIG = "float32 float16 bfloat16 int64 int16 uint8 bool complex64 complex128 float64 int32".split()
NEW = "uint16 uint64 float8_e5m2 complex32".split()


def checkpoint():
    x = torch.arange(12.0).reshape(3, 4)
    return {"model": nn.Linear(2, 3).state_dict(), "views": [x, x.t(), x[1:]], "epoch": 3, "none": torch.empty(0)}


def records_of(value, **options):
    """The records of a file that PyTorch writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    with zipfile.ZipFile(file) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def rezipped(path, value=None, top="archive", compression=zipfile.ZIP_STORED, change=lambda records: records, prepare=None, comment=b""):
    records = change(records_of(checkpoint() if value is None else value))
    with zipfile.ZipFile(path, "w", compression) as archive:
        if prepare:
            prepare(archive, top)
        for name, data in records.items():
            archive.writestr(f"{top}/{name}", data)
        archive.comment = comment


def without(*names):
    return lambda records: {name: data for name, data in records.items() if name not in names}


def having(**more):
    return lambda records: {**records, **{name.replace("__", "/"): data for name, data in more.items()}}


def last_first(records):
    return dict(reversed(records.items()))


def folders(archive, top):
    archive.mkdir(f"{top}/")
    archive.mkdir(f"{top}/data/")


def deflated_data(path):
    """Deflates the storages and not the pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records_of(checkpoint()).items():
            archive.writestr(f"a/{name}", data, zipfile.ZIP_DEFLATED if name.startswith("data/") else zipfile.ZIP_STORED)


def zip64(path):
    """Writes every local header with sizes of 64 bits."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records_of(checkpoint()).items():
            with archive.open(f"a/{name}", "w", force_zip64=True) as file:
                file.write(data)


def streamed(path):
    """Writes what a program does that cannot go back: sizes follow the data."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.parts = []

        def writable(self):
            return True

        def write(self, data):
            self.parts.append(bytes(data))
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, data in records_of(checkpoint()).items():
            archive.writestr(f"a/{name}", data)
    path.write_bytes(b"".join(pipe.parts))


def unaligned(path):
    with zipfile.ZipFile(path, "w") as archive:
        for i, (name, data) in enumerate(records_of(checkpoint()).items()):
            archive.writestr(f"{'odd' * 3}/{name}", data)
            archive.writestr(f"{'odd' * 3}/filler{i}", b"x" * (i % 7 + 1))


def aligned(path, alignment):
    torch.utils.serialization.config.save.storage_alignment = alignment
    try:
        torch.save(checkpoint(), path)
    finally:
        torch.utils.serialization.config.save.storage_alignment = 64


def without_crc(path):
    torch.utils.serialization.config.save.compute_crc32 = False
    try:
        torch.save(checkpoint(), path)
    finally:
        torch.utils.serialization.config.save.compute_crc32 = True


def without_data(path):
    with torch.serialization.skip_data():
        torch.save(checkpoint(), path)


def of_fake_tensors(path):
    with FakeTensorMode():
        state = nn.Linear(2, 3).state_dict()
    with torch.serialization.skip_data(materialize_fake_tensors=True):
        torch.save(state, path)


def renamed(path):
    original = path.with_name("another.name.pth")
    torch.save(checkpoint(), original)
    original.rename(path)


def in_memory(path):
    file = io.BytesIO()
    torch.save(checkpoint(), file)
    path.write_bytes(file.getvalue())


def with_addresses_as_keys(path):
    """Names of storages as 1.4 and 1.5 wrote them."""
    records = {}
    for name, data in records_of(torch.arange(4.0)).items():
        records[name.replace("data/0", "data/94329847100")] = data.replace(opcodes.text("0"), opcodes.text("94329847100"))
    opcodes.write(path, records.pop("data.pkl"), without("version", ".data/serialization_id")(records), version="2\n")


def swapped(value, order):
    """The records of a machine of the other byte order: PyTorch swaps those of typed storages when it reads."""
    records = records_of(value)
    for i, storage in enumerate(storages(value)):
        unit = storage.element_size() // (2 if storage.dtype.is_complex else 1)
        data = records[f"data/{i}"]
        records[f"data/{i}"] = b"".join(data[j : j + unit][::-1] for j in range(0, len(data), unit))
    records["byteorder"] = order
    return records


def storages(value):
    seen = {}
    for t in value.values() if isinstance(value, dict) else value:
        seen.setdefault(t.untyped_storage()._cdata, t.storage())
    return list(seen.values())


def big(path, value):
    records = swapped(value, b"big")
    opcodes.write(path, records.pop("data.pkl"), without("version")(records))



def cases():
    rezip = functools.partial(functools.partial, rezipped)
    yield "as_written", functools.partial(torch.save, checkpoint())
    yield "without_data", without_data
    # its locations are strings of their own, which are read as the one that they equal
    yield "of_fake_tensors", of_fake_tensors, {"same": False}
    yield "renamed", renamed
    yield "in_memory", in_memory
    yield "rezipped", rezip()
    yield "deflated", rezip(compression=zipfile.ZIP_DEFLATED)
    yield "deflated_data", deflated_data
    yield "deflated_large", rezip(value=[torch.zeros(100, 1000), torch.arange(50000)], compression=zipfile.ZIP_DEFLATED)
    yield "zip64", zip64
    yield "streamed", streamed
    yield "unaligned", unaligned
    yield "aligned_to_1", functools.partial(aligned, alignment=1)
    yield "aligned_to_4096", functools.partial(aligned, alignment=4096)
    yield "without_crc", without_crc
    yield "top_folder_of_another_name", rezip(top="my model (1)")
    yield "top_folder_in_unicode", rezip(top="modèle")
    yield "top_folder_with_dots", rezip(top="..model.v1")
    yield "folders", rezip(prepare=folders)
    yield "comment", rezip(comment=b"made by hand" * 100)
    yield "records_in_another_order", rezip(change=last_first)
    yield "records_of_others", rezip(change=having(extra__notes=b"hello", code=b"x = 1", data__notes=b"?", readme=b""))
    yield "without_optional_records", rezip(change=without(".format_version", ".storage_alignment", "byteorder", ".data/serialization_id"))
    yield "version_in_data", rezip(change=lambda r: {**without("version")(r), ".data/version": b"3\n"})
    for version in (1, 2, 4, 5, 6, 7, 8, 9, 10):
        yield f"version_{version}", rezip(change=having(version=f"{version}\n".encode()))
    yield "version_without_end_of_line", rezip(change=having(version=b"3"))
    yield "keys_that_are_addresses", with_addresses_as_keys, {"same": False}
    yield "byteorder_little", rezip(change=having(byteorder=b"little"))
    for name in BIG:
        yield f"big_endian_{name}", functools.partial(big, value=[tensors.raw(getattr(torch, name), 8)])
    for name in NEW:
        # PyTorch writes these without a type, and so reads them as they are
        yield f"big_endian_{name}", functools.partial(unswapped, value=[tensors.raw(getattr(torch, name), 8)])
    x = torch.arange(12.0).reshape(3, 4)
    yield "big_endian_views", functools.partial(big, value={"x": x, "t": x.t(), "row": x[1], "i": torch.arange(3)})
    yield "big_endian_quantized", functools.partial(big, value=[tensors.quantized(torch.qint32)])


def unswapped(path, value):
    records = {**records_of(value), "byteorder": b"big"}
    opcodes.write(path, records.pop("data.pkl"), without("version")(records))
