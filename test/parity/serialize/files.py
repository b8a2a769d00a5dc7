"""The files of kinds.test.ts.

`files.py write DIR` saves every case as DIR/<name>.pt and prints what Python reads in each, as JSON; `files.py check DIR NAMES`
reads what Node made of them, DIR/<name>.out.pt, prints the same, whether the pickle has the same bytes, and what the files are
for `weights_only=True`.
"""
import json
import pathlib
import sys
import warnings
import zipfile

import archives
import describe
import objects
import opcodes
import pickles
import tensors
import torch

warnings.filterwarnings("ignore")
TABLES = (tensors, objects, pickles, opcodes, archives)


def cases():
    """Name, how it is saved at a path, and options: whether a copy by Node has the same pickle, how Python loads it."""
    for table in TABLES:
        for name, save, *options in table.cases():
            yield f"{table.__name__}_{name}", save, dict(*options)


def pickle_of(path):
    with zipfile.ZipFile(path) as archive:
        with archive.open(next(name for name in archive.namelist() if name.endswith("/data.pkl"))) as record:
            # some files have no checksums
            record._expected_crc = None
            return record.read()


def safely(path, options):
    """What Python reads with weights_only=True, or None where it refuses."""
    try:
        return describe.describe(torch.load(path, weights_only=True, **options))
    except Exception:
        return None


def main(task, folder, chosen):
    result = {}
    for name, save, options in cases():
        if task == "check" and name not in chosen:
            continue
        file, out = folder / f"{name}.pt", folder / f"{name}.out.pt"
        load = options.get("load", {})
        if task == "write":
            save(file)
            told = describe.describe(torch.load(file, weights_only=False, **load))
            result[name] = {"told": told, "mapLocation": load.get("map_location")}
            continue
        same = None
        if options.get("same", True):
            same = pickle_of(file) == pickle_of(out)
        before, after = safely(file, load), safely(out, {})
        told = describe.describe(torch.load(out, weights_only=False))
        result[name] = {"told": told, "same": same, "safe": [before, after] if before is not None else None}
    return result


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:]))))
