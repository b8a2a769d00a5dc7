/** Modules that live Python scripted and traced: what they show, compute, learn and save is Python's to the byte. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, pythonFile, requirePython } from '../support/python.js'
import { d } from './both.js'

const { jit } = torch
type Seen = Record<string, any>
const oracle = (mode: 'write' | 'read', folder: string): Seen =>
  JSON.parse(pythonFile(join(root, 'test', 'parity', 'jit.py'), [mode, folder], pinnedCpu))

Object.assign(process.env, pinnedCpu)

function state(m: torch.jit.ScriptModule): Seen {
  const sd = m.stateDict()
  const { _metadata } = sd as unknown as { _metadata: object }
  return {
    repr: String(m),
    keys: Object.keys(sd),
    bytes: Object.values(sd).map(d),
    metadata: JSON.parse(JSON.stringify(_metadata)),
    parameters: m.namedParameters().map(([name]) => name),
    buffers: m.namedBuffers().map(([name]) => name),
    children: m.namedChildren().map(([name]) => name),
    modules: m.namedModules().map(([name]) => name),
    grad: m.parameters().map((parameter) => parameter.requiresGrad),
  }
}

function error(call: () => unknown): string {
  try {
    call()
  } catch (thrown) {
    assert.ok(thrown instanceof torch.TorchError, String(thrown))
    return thrown.message
  }
  return 'no error'
}

function train(m: torch.jit.ScriptModule, make: (p: torch.Parameter[]) => any, x: torch.Tensor): Seen {
  torch.manualSeed(7)
  m.train()
  const parameters = m.parameters()
  const optimizer = make(parameters)
  const losses: unknown[] = []
  for (let i = 0; i < 5; i++) {
    optimizer.zeroGrad()
    const loss = m.forward(x).pow(2).mean()
    loss.backward()
    optimizer.step()
    losses.push(d(loss))
  }
  assert.deepEqual(m.parameters(), parameters)
  return { losses, grads: parameters.map((p) => d(p.grad)), state: state(m), calls: m.calls }
}

const image = () => torch.arange(128, { dtype: 'float32' }).reshape(2, 1, 8, 8).div(100)

test('modules that Python scripted and traced', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const folder = tempDir(t)
  const python = oracle('write', folder)
  const load = (name: string, ...args: any[]) => jit.load(join(folder, `${name}.pt`), ...args)
  const one = torch.ones(1)

  await t.test('show what they show in Python', () => {
    for (const name of ['conv', 'values', 'attributes', 'hooked', 'traced', 'double']) {
      const m = load(name)
      assert.deepEqual(state(m), python[name], name)
      assert.equal(m.code, python[`${name} code`], name)
      assert.deepEqual([m.graph, m.inlinedGraph], python[`${name} graph`], name)
    }
  })

  await t.test('compute the same, calls that change attributes included', async () => {
    const m = load('conv')
    torch.manualSeed(5)
    const x = image()
    const first = d(m.forward(x))
    const async = d(await m.forwardAsync(x))
    const third = d(m.forward(x))
    const [encoded] = m.encode(x)
    assert.deepEqual([first, async, third, m.calls, d(encoded), d(m.eval().forward(x))], python.forward)
    assert.equal(d(load('hooked').forward(torch.ones(1, 2))), python['hooked call'])
    assert.equal(d(load('quantized').forward(torch.ones(2, 4))), python['quantized call'])
    const { out } = load('traced').forward({ x: torch.ones(2, 3) }, [torch.full([1], 2), torch.zeros(1)])[0]
    assert.equal(d(out), python['traced call'][0])
  })

  await t.test('learn the same', () => {
    assert.deepEqual(
      train(load('conv'), (p) => new torch.optim.SGD(p, { lr: 0.1, momentum: 0.9 }), image()),
      python.SGD,
    )
    assert.deepEqual(
      train(load('conv'), (p) => new torch.optim.Adam(p, { lr: 0.01 }), image()),
      python.Adam,
    )
  })

  await t.test('freeze to the same', () => {
    const f = jit.freeze(load('conv').eval(), { preservedAttrs: ['encode'] })
    const texts = [error(() => jit.freeze(load('conv'))), error(() => jit.freeze(new torch.nn.Linear(1, 1) as any))]
    const x = image()
    assert.deepEqual([state(f), d(f.forward(x)), d(f.forward(x)), f.code, ...texts], python.frozen)
  })

  await t.test('refuse in the same words', () => {
    const v = load('values')
    const c = load('conv')
    const last = (text: string) => text.trimEnd().split('\n').at(-1)
    assert.deepEqual(
      [
        error(() => v.forward()),
        error(() => v.forward(one, one, 1, 2)),
        error(() => v.forward(one, { z: 1 })),
        last(error(() => v.fails(torch.ones(3)))),
        last(error(() => v.fails(one))),
        error(() => c.loadStateDict({ scale: torch.ones(2) })),
        error(() => {
          c.conv = new torch.nn.Linear(1, 1)
        }),
      ],
      python.errors,
    )
    // what Python's converter says of its own values comes after the declaration
    const head = (text: string) => text.split(/\n(?:Value|Declaration)/)[0]
    assert.deepEqual(
      [
        error(() => v.forward(3)),
        error(() => v.forward(one, { scale: 'a' })),
        error(() => v.containers({ a: one }, torch.Tuple.of(1), [])),
      ].map(head),
      python.mismatches.map(head),
    )
  })

  await t.test('take and give values of all kinds', () => {
    const v = load('values')
    assert.deepEqual(v.forward(one, one).tolist(), [3])
    assert.deepEqual(v.forward(one, { scale: 3 }).tolist(), [3])
    assert.deepEqual(v.forward(one, null, { scale: 3 }).tolist(), [3])
    const text = { i: '1', f: '2.', b: 'True', s: 'x', n: 'None' }
    assert.deepEqual({ ...v.mixed(1, 2, true, 'x') }, text)
    assert.deepEqual({ ...v.mixed(1n, torch.pyFloat(2), true, 'x', { n: 4 }) }, { ...text, n: '4' })
    const [dict, pair, lists, total] = v.containers({ a: one, b: one }, torch.Tuple.of(1, 2.5), [[1, 2], [], [3]])
    assert.deepEqual([dict.sum.tolist(), [...pair], lists, total], [[2], [2.5, 1], [[1, 2], [], [3]], 6])
    assert.ok(pair instanceof torch.Tuple && Object.getPrototypeOf(dict) === null)
    const numbered = v.numbered(
      new Map([
        [2, 0.5],
        [1, 1.5],
      ]),
    )
    assert.deepEqual(
      [...numbered],
      [
        [2, '0.5'],
        [1, '1.5'],
      ],
    )
    const named = v.pair({ right: 2, left: one })
    assert.deepEqual([named.left.tolist(), named.right, named.length, v.pair([one, 3])[1]], [[2], 4, 2, 6])
    assert.deepEqual([v.either(1), v.either('a'), v.either([1])], ['int', 'str', 'list'])
    assert.deepEqual([...v.color('BLUE')], ['BLUE', 2])
    assert.equal(v.made('float64', 'cpu').dtype, 'float64')
    assert.equal(v.big(2n ** 60n), 2n ** 60n + 1n)
    assert.deepEqual(v.method('either', 'a'), 'str')
  })

  await t.test('go back to Python with what was changed', () => {
    const out = tempDir(t)
    const expected: Seen = {}
    for (const name of ['conv', 'attributes', 'traced']) {
      const extraFiles: Record<string, unknown> = name === 'traced' ? {} : { 'notes.txt': '' }
      const m = load(name, { extraFiles })
      if (name !== 'traced') assert.equal(Buffer.from(extraFiles['notes.txt'] as Uint8Array).toString(), `of ${name}`)
      if (name === 'conv') {
        m.eval().calls = 41
        m.forward(image())
        m.to('float64')
        m.blocks[0].requiresGrad_(false)
      }
      if (name === 'attributes') {
        Object.assign(m, {
          i: 7,
          f: 2,
          s: 'other',
          ints: [4],
          words: { z: 1 },
          numbers: new Map([[9, 'n']]),
          pair: [2, 'q'],
        })
        m.weight = new torch.Parameter(torch.full([2], 3, { dtype: 'float32' }))
      }
      m.save(join(out, `${name}.pt`), { extraFiles: { 'notes.txt': `saved ${name}` } })
      expected[name] = [state(m), `saved ${name}`]
    }
    const m = load('conv').clone()
    torch.nn.init.ones_(m.conv.weight)
    torch.jit.save(jit.load(m.saveToBuffer({ extraFiles: { 'notes.txt': 'b' } })), join(out, 'bytes.pt'), {
      extraFiles: { 'notes.txt': 'b' },
    })
    expected.bytes = [state(m), 'b']
    expected.calls = [42, false]
    expected['attributes values'] = [7, 2, 'other', null, [4], { z: 1 }, [[9, 'n']], [2, 'q'], 15]
    assert.deepEqual(oracle('read', out), expected)
  })
})
