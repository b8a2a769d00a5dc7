/**
 * Archives beyond 4 GB, byte for byte as PyTorch writes them: `npm test -- test/parity/serialize/zip64.ts`, which needs 9 GB of
 * disk and is part of `npm run test:slow`. Python compares while it saves, so that there is one file at a time.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../../support/paths.js'
import { python, requirePython } from '../../support/python.js'

const limit = 2 ** 32 - 1

/** Sizes of the records in bytes. */
const cases: Record<string, number[]> = {
  'a record just below the limit, and others that begin beyond it': [3, limit - 1, 5, 0, 70],
  'records at and above the limit, at places below and beyond it': [3, limit, 5, limit + 8, 1],
}

const program = `
import json, sys, torch
class Compare:
    def __init__(self, path):
        self.file = open(path, 'rb')
    def write(self, data):
        at = self.file.tell()
        data = memoryview(data).cast('B')
        for i in range(0, len(data), 2**24):
            part = data[i:i + 2**24]
            assert self.file.read(len(part)) == part, f'other bytes behind {at + i}'
        return len(data)
    def flush(self): pass
compare = Compare(sys.argv[1])
torch.save([torch.zeros(size, dtype=torch.uint8) for size in json.loads(sys.argv[2])], compare)
assert compare.file.read() == b'', 'the file is longer'
print(compare.file.tell())
`

for (const [name, sizes] of Object.entries(cases)) {
  test(name, (t) => {
    if (!requirePython(t)) return
    const path = join(tempDir(t), 'large.pt')
    // memory that nobody wrote to takes no room
    const value = sizes.map((size) => torch.zeros([size], { dtype: 'uint8' }))
    torch.saveSync(value, path)
    assert.equal(Number(python(program, [path, JSON.stringify(sizes)])), statSync(path).size)
    const loaded = torch.loadSync(path, { mmap: true }) as torch.Tensor[]
    assert.deepEqual(
      loaded.map((tensor) => tensor.numel()),
      sizes,
    )
  })
}
