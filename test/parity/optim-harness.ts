/**
 * Runs optimizers against live Python, byte by byte: from the same start with the same gradients, and continued from each
 * other's state dicts through files. Both sides have one thread.
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

export interface Case {
  /** a class of `torch.optim` */
  optimizer: string
  dtype: torch.Dtype
  options: Record<string, any>
  /** every parameter has a gradient in every step */
  allGradients?: boolean
  /** two groups with rates of their own */
  groups?: boolean
  /** the learning rate is a tensor */
  tensorLr?: boolean
  /** on the CPU, where both sides take it only because the test makes them */
  capturable?: boolean
  /** the betas are tensors of this dtype */
  tensorBetas?: torch.Dtype
  /** other parameters and gradients than those that most optimizers have: see optim_oracle.py */
  start?: string
  /** the loss of the parameters, for an optimizer that needs a closure; `start` names the same one in Python */
  problem?: (...params: torch.Tensor[]) => torch.Tensor
}

/** Adds a case under a name that tells all of it. */
export function addCase(cases: Record<string, Case>, spec: Case): void {
  const { optimizer, dtype, options, groups, tensorLr, tensorBetas, capturable, start } = spec
  const extra = `${start ? ` of ${start}` : ''}${groups ? ' in two groups' : ''}${tensorLr ? ' with a tensor as rate' : ''}`
  const decays = tensorBetas ? ` with ${tensorBetas} tensors as betas` : ''
  cases[`${optimizer} ${dtype} ${JSON.stringify(options)}${extra}${decays}${capturable ? ', capturable' : ''}`] = spec
}

const pythonName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

interface Part {
  params: torch.Tensor[]
  optimizer: any
}

function parameters(tensors: torch.Tensor[]): torch.Tensor[] {
  return tensors.map((t) => t.clone().requiresGrad_())
}

function make(
  { optimizer, options, groups, tensorLr, tensorBetas, capturable }: Case,
  params: torch.Tensor[],
): torch.optim.Optimizer<any> {
  const half = Math.floor(params.length / 2)
  const target: any = groups ? [{ params: params.slice(0, half) }, { params: params.slice(half), lr: 0.02 }] : params
  const type = (torch.optim as any)[optimizer] as new (params: any, options: any) => torch.optim.Optimizer<any>
  const given = { ...options }
  if (capturable) given.capturable = true
  if (tensorLr) given.lr = torch.tensor(options.lr)
  if (tensorBetas) given.betas = options.betas.map((beta: number) => torch.tensor([beta], { dtype: tensorBetas }))
  return new type(target, given)
}

/** A pair of indices and values is a sparse gradient. */
function gradient(given: torch.Tensor | torch.Tensor[] | null | undefined, p: torch.Tensor): torch.Tensor | null {
  if (!Array.isArray(given)) return given ?? null
  return torch.sparseCooTensor(given[0]!, given[1]!, p.shape)
}

function closureOf(problem: NonNullable<Case['problem']>, params: torch.Tensor[]): () => torch.Tensor {
  return () => {
    for (const p of params) p.grad = null
    const loss = problem(...params)
    loss.backward()
    return loss
  }
}

function steps(
  optimizer: torch.optim.Optimizer<any>,
  params: torch.Tensor[],
  gradients: (torch.Tensor | null)[][],
  spec: Case,
): void {
  for (const step of gradients) {
    for (const [i, p] of params.entries())
      p.grad = gradient(step[i], p) ?? (spec.allGradients ? torch.onesLike(p) : null)
    if (spec.problem) optimizer.step(closureOf(spec.problem, params))
    else optimizer.step()
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
  if (typeof value !== 'object' || value === null) return value
  // groups stay as they are: their numbers are known to be ints or floats by their place
  if (Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]))
}

/** The tests of all cases. */
export function testCases(cases: Record<string, Case>): void {
  const forPython = Object.fromEntries(
    Object.entries(cases).map(([name, { options, ...rest }]) => [
      name,
      { ...rest, options: Object.fromEntries(Object.entries(options).map(([key, value]) => [pythonName(key), value])) },
    ]),
  )
  let python: { starts: any; cases: Record<string, [Part, Part, Part, Part]> }
  let dir: string
  let halfway: Record<string, Part>

  before((t) => {
    torch.setNumThreads(1)
    dir = tempDir(t as any)
  })

  test('ten steps, and each half of them continued from Python', (t) => {
    if (!requirePython(t)) return
    writeFileSync(join(dir, 'cases.json'), JSON.stringify(forPython))
    pythonFile(oracle, ['run', join(dir, 'cases.json'), join(dir, 'python.pt')])
    python = torch.loadSync(join(dir, 'python.pt'))
    halfway = {}
    for (const [name, spec] of Object.entries(cases)) {
      const { tensors, gradients } = python.starts[`${spec.dtype}${spec.start ?? ''}`]
      const [half, end, loaded, resumedEnd] = python.cases[name]!
      const params = parameters(tensors)
      const optimizer = make(spec, params)
      steps(optimizer, params, gradients.slice(0, part), spec)
      assertSame(`${name}, first half`, params, optimizer, half)
      halfway[name] = { params: params.map((p) => p.detach().clone()), optimizer: optimizer.stateDict() }
      if (spec.problem) {
        // its lists change with each step, and a float of it may be whole: files keep both
        torch.saveSync(halfway[name], join(dir, 'half.pt'))
        halfway[name] = torch.loadSync(join(dir, 'half.pt'))
      } else {
        halfway[name].optimizer = copy(halfway[name].optimizer)
      }
      steps(optimizer, params, gradients.slice(part), spec)
      assertSame(name, params, optimizer, end)

      const resumed = parameters(half.params)
      const second = make(spec, resumed)
      second.loadStateDict(half.optimizer)
      assertSame(`${name}, loaded state`, resumed, second, loaded)
      steps(second, resumed, gradients.slice(part), spec)
      assertSame(`${name}, resumed`, resumed, second, resumedEnd)
    }
  })

  test('Python reads the state of Node as its own, and continues it to the same bytes', (t) => {
    if (!requirePython(t)) return
    torch.saveSync(halfway, join(dir, 'node.pt'))
    const files = ['cases.json', 'python.pt', 'node.pt'].map((name) => join(dir, name))
    assert.deepEqual(JSON.parse(pythonFile(oracle, ['continue', ...files])), {})
  })
}
