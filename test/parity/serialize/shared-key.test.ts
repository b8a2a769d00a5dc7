/** Two references to one storage as different types: no PyTorch writes them, a damaged file has them, and Python takes the first. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../../support/paths.js'
import { pythonJson, requirePython } from '../../support/python.js'

// the key of the second storage becomes that of the first, in a file that is otherwise as torch.save wrote it
const program = `
import json, sys, zipfile, torch
make = {'float32': lambda: torch.tensor([1.5, -2]), 'int64': lambda: torch.tensor([7]), 'uint64': lambda: torch.tensor([9], dtype=torch.uint64), 'float64': lambda: torch.tensor([0.1], dtype=torch.float64)}
out = []
for path, first, second in json.loads(sys.argv[1]):
    torch.save({'a': make[first](), 'b': make[second]()}, path)
    with zipfile.ZipFile(path) as z:
        records = [(name, z.read(name)) for name in z.namelist()]
    with zipfile.ZipFile(path, 'w') as z:
        for name, data in records:
            if name.endswith('/data.pkl'):
                assert data.count(b'X\\x01\\x00\\x00\\x001') == 1
                data = data.replace(b'X\\x01\\x00\\x00\\x001', b'X\\x01\\x00\\x00\\x000')
            z.writestr(name, data)
    try:
        loaded = torch.load(path, weights_only=True)
    except RuntimeError:
        out.append(None)  # more elements than there is room for
        continue
    torch.save({k: t.clone() for k, t in loaded.items()}, path + '.again')
    try:
        torch.save(loaded, path + '.shared')
        refused = None
    except RuntimeError as error:
        refused = str(error)
    out.append([[str(t.dtype).split('.')[1] for t in loaded.values()], refused])
print(json.dumps(out))
`

test('a storage that is referred to as two types has the first one', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const dtypes = ['float32', 'int64', 'float64', 'uint64']
  const cases = dtypes.flatMap((a) => dtypes.filter((b) => b !== a).map((b) => [join(dir, `${a}-${b}.pt`), a, b]))
  const expected = pythonJson<([string[], string | null] | null)[]>(program, [JSON.stringify(cases)])
  for (const [i, [path]] of cases.entries()) {
    const read = expected[i]
    if (!read) {
      assert.throws(() => torch.loadSync(path!), { code: 'ERR_CHECKPOINT_FORMAT' }, path)
      continue
    }
    const [names, refused] = read
    const loaded = torch.loadSync(path!) as Record<string, torch.Tensor>
    const python = torch.loadSync(`${path}.again`) as Record<string, torch.Tensor>
    for (const [j, key] of ['a', 'b'].entries()) {
      assert.equal(loaded[key]!.dtype, names[j], `${path} ${key}`)
      assert.deepEqual(loaded[key]!.typedArray(), python[key]!.typedArray(), `${path} ${key}`)
    }
    assert.equal(loaded.a!.dataPtr(), loaded.b!.dataPtr())
    // dtypes without a storage class of their own are said by the tensor: then both refuse to write it again
    const save = () => torch.saveSync(loaded, join(dir, 'again.pt'))
    if (refused === null) save()
    else assert.throws(save, { code: 'ERR_TORCH', message: refused })
  }
  const count = (kind: (read: (typeof expected)[number]) => boolean) => expected.filter(kind).length
  assert.ok(count((read) => !read) > 0 && count((read) => read?.[1] === null) > 0 && count((read) => !!read?.[1]) > 0)
})
