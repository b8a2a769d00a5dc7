/**
 * Optimizers against live Python, byte by byte: from the same start with the same gradients, and continued from each other's
 * state dicts through files. Default, `foreach` and `fused` implementations; both sides have one thread.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const oracle = join(root, 'test/parity/optim_oracle.py')
const part = 5

const optionSets: Record<string, object[]> = {
  SGD: [
    { lr: 0.1 },
    { lr: 0.1, momentum: 0.9 },
    { lr: 0.1, momentum: 0.9, nesterov: true },
    { lr: 0.1, momentum: 0.9, dampening: 0.3 },
    { lr: 0.1, weightDecay: 0.1 },
    { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
    { lr: 0.1, momentum: 0.5, dampening: 0.1, weightDecay: 0.1, maximize: true },
    { lr: 0.1, maximize: true },
    { lr: 1e-3, momentum: 0.99, nesterov: true, maximize: true },
    {},
  ],
  Adam: [
    {},
    { lr: 0.1 },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, amsgrad: true },
    { lr: 0.01, amsgrad: true, weightDecay: 0.1, maximize: true },
    { lr: 0.01, betas: [0.5, 0.9] },
    { lr: 0.01, betas: [0, 0.99] },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
    { lr: 0.01, maximize: true },
  ],
  AdamW: [
    {},
    { lr: 0.1, weightDecay: 0.1 },
    { lr: 0.01, weightDecay: 0 },
    { lr: 0.01, amsgrad: true },
    { lr: 0.01, amsgrad: true, maximize: true },
    { lr: 0.01, betas: [0.8, 0.9] },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, maximize: true, weightDecay: 0.5 },
  ],
}

interface Case {
  optimizer: 'SGD' | 'Adam' | 'AdamW'
  dtype: torch.Dtype
  options: Record<string, any>
  /** every parameter has a gradient in every step */
  allGradients?: boolean
  /** two groups with rates of their own */
  groups?: boolean
  /** the learning rate is a tensor */
  tensorLr?: boolean
}

const cases: Record<string, Case> = {}
function add(spec: Case): void {
  const { optimizer, dtype, options, groups, tensorLr } = spec
  const extra = `${groups ? ' in two groups' : ''}${tensorLr ? ' with a tensor as rate' : ''}`
  cases[`${optimizer} ${dtype} ${JSON.stringify(options)}${extra}`] = spec
}
for (const optimizer of ['SGD', 'Adam', 'AdamW'] as const) {
  for (const options of optionSets[optimizer]!) {
    for (const dtype of ['float32', 'float64'] as const) {
      add({ optimizer, dtype, options })
      add({ optimizer, dtype, options: { ...options, foreach: true } })
      add({ optimizer, dtype, options: { ...options, fused: true }, allGradients: optimizer === 'SGD' })
    }
  }
  const rich = optionSets[optimizer]![4]!
  for (const dtype of ['bfloat16', 'float16', 'complex64', 'complex128'] as const) {
    add({ optimizer, dtype, options: rich })
    add({ optimizer, dtype, options: { ...rich, foreach: true } })
  }
  add({ optimizer, dtype: 'bfloat16', options: { ...rich, fused: true }, allGradients: true })
  add({ optimizer, dtype: 'float32', options: rich, groups: true })
  add({ optimizer, dtype: 'float32', options: { ...rich, lr: 0.05 }, tensorLr: true })
  add({ optimizer, dtype: 'float64', options: { ...rich, lr: 0.05 }, tensorLr: true })
  add({ optimizer, dtype: 'float32', options: { ...rich, lr: 0.05, fused: true }, tensorLr: true, allGradients: true })
}

const pythonName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const forPython = Object.fromEntries(
  Object.entries(cases).map(([name, { options, ...rest }]) => [
    name,
    { ...rest, options: Object.fromEntries(Object.entries(options).map(([key, value]) => [pythonName(key), value])) },
  ]),
)

interface Part {
  params: torch.Tensor[]
  optimizer: any
}
let python: { starts: any; cases: Record<string, [Part, Part]> }
let dir: string
let halfway: Record<string, Part>

before((t) => {
  torch.setNumThreads(1)
  dir = tempDir(t as any)
})

function parameters(tensors: torch.Tensor[]): torch.Tensor[] {
  return tensors.map((t) => t.clone().requiresGrad_())
}

function make({ optimizer, options, groups, tensorLr }: Case, params: torch.Tensor[]): torch.optim.Optimizer<any> {
  const half = Math.floor(params.length / 2)
  const target: any = groups ? [{ params: params.slice(0, half) }, { params: params.slice(half), lr: 0.02 }] : params
  const type = torch.optim[optimizer] as new (params: any, options: any) => torch.optim.Optimizer<any>
  return new type(target, tensorLr ? { ...options, lr: torch.tensor(options.lr) } : options)
}

function steps(
  optimizer: torch.optim.Optimizer<any>,
  params: torch.Tensor[],
  gradients: (torch.Tensor | null)[][],
  spec: Case,
): void {
  for (const step of gradients) {
    for (const [i, p] of params.entries()) p.grad = step[i] ?? (spec.allGradients ? torch.onesLike(p) : null)
    optimizer.step()
  }
}

/** dtype, shape and a digest of the bytes in row order. */
function facts(t: torch.Tensor): [string, number[], string] {
  const real = t.isComplex() ? torch.viewAsReal(t.detach()) : t.detach()
  const bytes = real.typedArray()
  return [t.dtype, t.shape, createHash('sha256').update(bytes).digest('hex')]
}

/** A state dict with its tensors as bytes. Keys in order; what files keep beyond that is compared by Python. */
function plain(value: any): any {
  if (value instanceof torch.Tensor) return facts(value)
  if (value instanceof Map) return [...value].map(([key, item]) => [Number(key), plain(item)])
  if (Array.isArray(value)) return [...value].map(plain)
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => [key, plain(item)])
  return value
}

function assertSame(name: string, params: torch.Tensor[], optimizer: torch.optim.Optimizer<any>, expected: Part): void {
  assert.deepEqual(params.map(facts), expected.params.map(facts), `${name}: parameters`)
  assert.deepEqual(plain(optimizer.stateDict()), plain(expected.optimizer), `${name}: state`)
}

function copy(value: any): any {
  if (value instanceof torch.Tensor) return value.detach().clone()
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copy(item)]))
  // groups stay as they are: their numbers are known to be ints or floats by their place
  if (Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]))
}

test('ten steps, and each half of them continued from Python', (t) => {
  if (!requirePython(t)) return
  assert.ok(Object.keys(cases).length > 190)
  writeFileSync(join(dir, 'cases.json'), JSON.stringify(forPython))
  pythonFile(oracle, ['run', join(dir, 'cases.json'), join(dir, 'python.pt')])
  python = torch.loadSync(join(dir, 'python.pt'))
  halfway = {}
  for (const [name, spec] of Object.entries(cases)) {
    const { tensors, gradients } = python.starts[spec.dtype]
    const [half, end] = python.cases[name]!
    const params = parameters(tensors)
    const optimizer = make(spec, params)
    steps(optimizer, params, gradients.slice(0, part), spec)
    assertSame(`${name}, first half`, params, optimizer, half)
    halfway[name] = { params: params.map((p) => p.detach().clone()), optimizer: copy(optimizer.stateDict()) }
    steps(optimizer, params, gradients.slice(part), spec)
    assertSame(name, params, optimizer, end)

    const resumed = parameters(half.params)
    const second = make(spec, resumed)
    second.loadStateDict(half.optimizer)
    assert.deepEqual(plain(second.stateDict()), plain(half.optimizer), `${name}: loaded state`)
    steps(second, resumed, gradients.slice(part), spec)
    assertSame(`${name}, resumed`, resumed, second, end)
  }
})

test('Python reads the state of Node as its own, and continues it to the same bytes', (t) => {
  if (!requirePython(t)) return
  torch.saveSync(halfway, join(dir, 'node.pt'))
  const files = ['cases.json', 'python.pt', 'node.pt'].map((name) => join(dir, name))
  assert.deepEqual(JSON.parse(pythonFile(oracle, ['continue', ...files])), {})
})
