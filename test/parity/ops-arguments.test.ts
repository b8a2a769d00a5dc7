/**
 * Which arguments operators take: every public operator is called with every pair of a few values (tensors, numbers, a
 * list), in Python and here. What Python computes must be computed here to the byte; what its parser refuses must be refused.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { handwrittenMethods } from '../../lib/codegen/handwritten.js'
import { camelCase } from '../../lib/tensor/names.js'
import { root } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

/** Results by function or method, and by the letters of its arguments; `refused` and `failed` for errors. */
type Outcomes = Record<string, Record<string, string>>

const values: Record<string, () => unknown> = {
  t: () =>
    torch.tensor([
      [0.5, 1.5],
      [2, 0.25],
    ]),
  s: () => torch.tensor(0.75),
  j: () => torch.tensor([1n, 0n]),
  i: () => 2,
  f: () => 0.5,
  l: () => [0, 1],
}

function show(value: unknown): string {
  if (torch.isTensor(value)) {
    if (value.layout !== 'strided') return value.layout
    const bytes = value.numel()
      ? value.detach().resolveConj().resolveNeg().contiguous().flatten().view('uint8').typedArray()
      : new Uint8Array()
    return `${value.dtype}[${value.shape}]${createHash('md5')
      .update(bytes as Uint8Array)
      .digest('hex')
      .slice(0, 8)}`
  }
  if (Array.isArray(value)) return `(${value.map(show).join(',')})`
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value).toPrecision(9) : String(value)
}

function attempt(call: () => unknown): string {
  torch.manualSeed(1)
  try {
    return show(call())
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_ARGUMENT' || error instanceof TypeError ? 'refused' : 'failed'
  }
}

/** Methods by hand that ask nothing: more arguments are ignored, as JavaScript does. */
const conversions = new Set(
  'bfloat16 bool byte cdouble cfloat char double float half int long short nelement ndimension to_sparse_coo tolist retain_grad new_tensor apply_ map_ map2_ polygamma lu data_ptr'.split(
    ' ',
  ),
)

const letters = Object.keys(values)
const tuples = ['', ...letters, ...['t', 'j', 'i', 'l'].flatMap((a) => letters.map((b) => a + b))]
const argumentsOf = (tuple: string) => [...tuple].map((letter) => values[letter]!())

/** Where Node differs on purpose, or memory is not initialised. */
const differs: [names: RegExp, reason: string][] = [
  [/^(torch|Tensor)\.(empty|resize|new_empty)/, 'memory that nobody wrote to'],
  [/\.(as_tensor|asarray|tensor|new_tensor|scalar_tensor)$/, 'numbers of JavaScript become the default dtype'],
  [/\.is_vulkan_available$/, 'Python does not look at arguments'],
  [
    /\.(meshgrid|broadcast_tensors|block_diag|cartesian_prod|chain_matmul|atleast_[123]d)$/,
    'Python gives a tuple or list, or refuses what one tensor is',
  ],
  [
    /^torch\.(is_(complex|conj|neg|signed|inference|floating_point)|fbgemm_pack_gemm_matrix_fp16)$/,
    'looks at one argument; a memory layout',
  ],
  [/^torch\.einsum$/, 'a tensor is no list of subscripts here'],
  [/^torch\.bernoulli$/, 'takes a tensor of probabilities here'],
  [
    /^Tensor\.(type|is_pinned|where|repeat_interleave|bernoulli|set_|to_mkldnn)$/,
    'a name of a Python class; an accelerator; forms of the function; dtypes that Python compares first; the name of a layout',
  ],
  [
    /^torch\.(broadcast_to|expand_copy|flip|permute|permute_copy|reshape|tile|view_copy)$/,
    'numbers one by one are taken here, as by the method',
  ],
]

function compare(kind: 'torch' | 'Tensor', expected: Outcomes): string[] {
  const wrong: string[] = []
  let computed = 0
  for (const [name, outcomes] of Object.entries(expected)) {
    if (differs.some(([names]) => names.test(`${kind}.${name}`))) continue
    const js = camelCase(name)
    for (const [tuple, outcome] of Object.entries(outcomes)) {
      const actual = attempt(() => {
        const args = argumentsOf(tuple)
        return kind === 'torch' ? (torch as any)[js](...args) : (args[0] as any)[js](...args.slice(1))
      })
      // an error either way
      if (outcome === 'failed' && actual === 'refused') continue
      if (actual !== outcome) wrong.push(`${name}(${[...tuple].join(', ')}): Python ${outcome}, here ${actual}`)
      else if (outcome !== 'refused' && outcome !== 'failed') computed++
    }
  }
  assert.ok(computed > 800, `${computed} calls gave a value`)
  return wrong
}

test(`${tuples.length} lists of arguments for every operator are taken and refused as in Python`, (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const api = JSON.parse(readFileSync(join(root, 'lib/codegen/python-api.json'), 'utf8'))
  const known = new Set<string>(
    api.variableFunctions.filter((name: string) => name in api.torch && camelCase(name) in torch),
  )
  const methods = Object.keys(api.Tensor).filter((name) => {
    const value = Object.getOwnPropertyDescriptor(torch.Tensor.prototype, camelCase(name))?.value
    return typeof value === 'function' && !(name in handwrittenMethods) && !conversions.has(name)
  })
  const request = JSON.stringify({ functions: [...known], methods, tuples })
  const expected = JSON.parse(pythonFile(join(root, 'test/parity/ops_arguments.py'), [request])) as Record<
    'torch' | 'Tensor',
    Outcomes
  >
  assert.deepEqual(compare('torch', expected.torch), [])
  assert.deepEqual(compare('Tensor', expected.Tensor), [])
})
