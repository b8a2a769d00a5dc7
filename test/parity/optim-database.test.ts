/**
 * Every optimizer with the options of Python's own database, against live Python: bytes of parameters and state after ten steps,
 * for each implementation that Python has on the CPU; and the options that Python refuses, in its words.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

interface Case {
  optimizer: string
  options: Record<string, any>
  impl: 'foreach' | 'fused' | null
  dtype: string
  sparse: boolean
  closure: boolean
}
interface Database {
  cases: Record<string, Case>
  errors: [optimizer: string, options: Record<string, any>, message: string][]
}

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

function option(value: any): any {
  if (Array.isArray(value)) return value.map(option)
  return value !== null && typeof value === 'object' ? torch.tensor(value.tensor) : value
}

function construct(name: string, params: torch.Tensor[], options: Record<string, any>): torch.optim.Optimizer<any> {
  const given = Object.fromEntries(Object.entries(options).map(([key, value]) => [camel(key), option(value)]))
  return new (torch.optim as any)[name](params, given)
}

/** The same as in optim_database.py. */
function lossOf(params: torch.Tensor[]): torch.Tensor {
  return params
    .map((p) => p.sub(0.5).pow(4).sum().add(p.pow(2).sum().mul(0.1)))
    .reduce((sum, term) => sum.add(term), torch.tensor(0))
}

function run({ optimizer: name, options, impl, sparse, closure }: Case, start: [torch.Tensor[], torch.Tensor[][]]) {
  const [tensors, gradients] = start
  const params = tensors.map((t) => t.clone().requiresGrad_())
  const optimizer = construct(name, params, impl ? { ...options, [impl]: true } : options)
  for (const step of gradients) {
    if (closure) {
      optimizer.step(() => {
        optimizer.zeroGrad()
        const loss = lossOf(params)
        loss.backward()
        return loss
      })
      continue
    }
    for (const [i, p] of params.entries()) p.grad = sparse ? step[i]!.toSparse() : step[i]!.clone()
    optimizer.step()
  }
  return { params, state: optimizer.stateDict().state }
}

/** What can be compared: tensors by dtype, shape and bytes, dicts with the order of their keys. */
function plain(value: any): any {
  if (value instanceof torch.Tensor) {
    const bytes = value.detach().typedArray()
    return [value.dtype, value.shape, createHash('sha256').update(bytes).digest('hex')]
  }
  if (value instanceof Map) return [...value].map(([key, item]) => [Number(key), plain(item)])
  if (Array.isArray(value)) return Array.from(value, plain)
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => [key, plain(item)])
  return value
}

test('Python’s database of optimizers', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const [json, file] = ['database.json', 'database.pt'].map((name) => join(tempDir(t), name)) as [string, string]
  pythonFile(join(root, 'test/parity/optim_database.py'), [json, file])
  const { cases, errors } = JSON.parse(readFileSync(json, 'utf8')) as Database
  const { starts, results } = torch.loadSync(file) as any
  assert.ok(Object.keys(cases).length > 350 && errors.length > 40)

  for (const [name, spec] of Object.entries(cases)) {
    await t.test(name, () => {
      assert.deepEqual(plain(run(spec, starts[spec.dtype])), plain(results[name]))
    })
  }
  for (const [name, options, message] of errors) {
    await t.test(`${name} refuses ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => construct(name, [torch.zeros(2, 2).requiresGrad_()], options),
        (error: any) => {
          assert.ok(error instanceof torch.TorchError)
          // a whole number is printed as an int: JavaScript has one kind of number
          const expected = message.replace(/\.0$/, '')
          assert.ok(error.message.includes(expected), `${error.message}\n${expected}`)
          return true
        },
      )
    })
  }
})
