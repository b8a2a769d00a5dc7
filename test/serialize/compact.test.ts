// `compact: true`: a view is written without the memory that no saved tensor uses.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'

const folder = mkdtempSync(join(tmpdir(), 'compact-'))
after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'a.pt')

/** What is loaded, of a compact file in each format, synchronously and not, and the size of the last one. */
async function saved(value: unknown): Promise<{ loaded: any[]; size: number }> {
  const loaded: any[] = []
  for (const format of ['pytorch', 'legacy'] as const) {
    torch.saveSync(value, path, { compact: true, format })
    loaded.push(torch.loadSync(path))
    await torch.save(value, path, { compact: true, format })
    loaded.push(torch.loadSync(path))
  }
  return { loaded, size: statSync(path).size }
}

test('a row and a column of a large tensor, whose gaps are left out', async () => {
  const big = torch.arange(1_000_000).float().reshape([1000, 1000])
  for (const made of [big.select(0, 500), big.select(1, 3), big.narrow(1, 5, 4), big.narrow(1, 5, 4).t()]) {
    const { loaded, size } = await saved(made)
    assert.ok(size < 20_000, String(size))
    for (const one of loaded) assert.ok(torch.equal(one, made))
  }
  torch.saveSync(big.select(0, 500), path)
  assert.ok(statSync(path).size > 4_000_000)
})

test('tensors that overlap keep sharing; those that do not are apart; strides stay', async () => {
  const base = torch.arange(1000).float()
  const made = { a: base.narrow(0, 10, 20), b: base.narrow(0, 20, 20).reshape([4, 5]).t(), c: base.narrow(0, 900, 3) }
  const { loaded, size } = await saved(made)
  assert.ok(size < 2000, String(size))
  for (const { a, b, c } of loaded) {
    assert.deepEqual([...b.stride()], [1, 5])
    assert.deepEqual([a.tolist(), b.tolist(), c.tolist()], [made.a.tolist(), made.b.tolist(), made.c.tolist()])
    a.fill_(-1)
    assert.equal(b.index(0, 0).item(), -1)
    assert.equal(c.index(0).item(), 900)
  }
})

test('a tensor that uses all of its memory is written as without the option', () => {
  const whole = { w: torch.ones([3, 4]), t: torch.ones([3, 4]).t(), p: new torch.nn.Parameter(torch.ones(2)) }
  torch.saveSync(whole, path, { compact: true })
  const size = statSync(path).size
  torch.saveSync(whole, path)
  assert.equal(statSync(path).size, size)
})
