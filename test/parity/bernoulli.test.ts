/** Coins of every number and probability, and what the generator gives after them, against Python's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'
import { sha256 } from '../support/zip.js'

// 312 coins are one turn of the generator, 512 are drawn at a time
const counts = [1, 2, 3, 155, 311, 312, 313, 511, 512, 513, 624, 1025, 5000]
const probabilities = [0, 1e-300, 2 ** -53, 0.1, 1 / 3, 0.5, 0.9, 1 - 2 ** -53, 1]

const program = `
import hashlib, json, sys, torch
counts, probabilities = json.loads(sys.argv[1])
digest = lambda t: hashlib.sha256(bytes(t.contiguous().view(torch.uint8).flatten().tolist())).hexdigest()
out = {}
for skipped in (0, 1, 2):
    torch.manual_seed(7)
    for _ in range(skipped):
        torch.rand(1)
    for i, p in enumerate(probabilities):
        for count in counts:
            out[f"{skipped} {i} {count}"] = digest(torch.empty(count).bernoulli_(p))
    out[f"state {skipped}"] = digest(torch.get_rng_state())
g = torch.Generator().manual_seed(3)
out["generator"] = [digest(torch.empty(700).bernoulli_(0.4, generator=g)), digest(g.get_state())]
torch.manual_seed(5)
out["transposed"] = digest(torch.empty(30, 40).t().bernoulli_(0.4))
out["float64"] = digest(torch.empty(700, dtype=torch.float64).bernoulli_(0.4))
out["empty"] = list(torch.empty(0).bernoulli_(0.4).shape)
out["expression"] = digest(torch.nn.functional.dropout(torch.ones(700), 0.3))
out["after"] = torch.rand(1).item()
for p in (-0.1, 1.1, float("nan")):
    try:
        torch.empty(3).bernoulli_(p)
    except RuntimeError as error:
        out[f"error {p!r}"] = str(error)
print(json.dumps(out))
`

function digest(t: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = t.contiguous().typedArray()
  return sha256(new Uint8Array(buffer, byteOffset, byteLength))
}

test('coins and the state after them', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<Record<string, unknown>>(program, [JSON.stringify([counts, probabilities])])
  const check = (key: string, value: unknown) => {
    assert.deepEqual(value, expected[key], key)
    delete expected[key]
  }
  for (const skipped of [0, 1, 2]) {
    torch.manualSeed(7)
    for (let i = 0; i < skipped; i++) torch.rand(1)
    for (const [i, p] of probabilities.entries())
      for (const count of counts) check(`${skipped} ${i} ${count}`, digest(torch.empty(count).bernoulli_(p)))
    check(`state ${skipped}`, digest(torch.getRngState()))
  }
  const g = new torch.Generator().manualSeed(3)
  check('generator', [digest(torch.empty(700).bernoulli_(0.4, { generator: g })), digest(g.getState())])
  torch.manualSeed(5)
  check('transposed', digest(torch.empty(30, 40).t().bernoulli_(0.4)))
  check('float64', digest(torch.empty(700, { dtype: 'float64' }).bernoulli_(0.4)))
  check('empty', torch.empty(0).bernoulli_(0.4).shape)
  check('expression', digest(torch.nn.functional.dropout(torch.ones(700), 0.3)))
  check('after', torch.rand(1).item())
  for (const [p, name] of [
    [-0.1, '-0.1'],
    [1.1, '1.1'],
    [Number.NaN, 'nan'],
  ] as const) {
    assert.throws(
      () => torch.empty(3).bernoulli_(p),
      (error: Error) => {
        check(`error ${name}`, error.message)
        return true
      },
    )
  }
  assert.deepEqual(Object.keys(expected), [])
})
