/**
 * Checks on a CUDA device against Python on the same one: a scenario is written twice and fills `o` with what it saw; tensors are
 * compared by dtype, shape, device and bytes. One Python process runs all scenarios of a file, as starting CUDA takes seconds.
 *
 * With LTN_CUDA_CHECK_DEVICE=cpu both sides run on the CPU what needs no CUDA: so that the checks themselves are known to be
 * right before a device is at hand.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile } from '../support/python.js'

// cuBLAS reads it when it is first used; without it no matrix product is deterministic
process.env.CUBLAS_WORKSPACE_CONFIG = ':4096:8'

/** Where the checks run: `'cuda'`, or `'cpu'` to try them out. */
export const device = process.env.LTN_CUDA_CHECK_DEVICE ?? 'cuda'

/** The name that tensors show. */
export const shown = device === 'cuda' ? 'cuda:0' : device

export type Seen = Record<string, unknown>

export interface Scenario {
  title: string
  /** Fills `o`; knows `device`, `folder`, and what harness.py and nets.py define. */
  python: string
  /** The same here. What it puts into `back` is what the program `back` has to see. */
  node(o: Seen, back: Seen, folder: string): unknown
  /** Python once more, after all of Node's: reads the files that Node wrote. */
  back?: string
  /** There is nothing like it on the CPU. */
  cuda?: boolean
  /** Both sides have to throw, with the same message. */
  refused?: boolean
  /** Operators without a deterministic algorithm throw; elsewhere they warn. */
  strict?: boolean
}

interface TensorLeaf {
  dtype: string
  shape: number[]
  device: string
  bytes: Uint8Array
}
type Leaf = TensorLeaf | string | number | boolean | null
type Leaves = [path: string, leaf: Leaf][]

const isTensorLeaf = (leaf: Leaf): leaf is TensorLeaf => typeof leaf === 'object' && leaf !== null

/** The bytes of a tensor in row order, wherever it is. */
export function bytesOf(t: torch.Tensor): Uint8Array {
  const here = t.detach().cpu()
  const flat = (here.isSparse ? here.toDense() : here).contiguous().reshape([-1])
  if (flat.numel() === 0) return new Uint8Array()
  return (flat.view('uint8').typedArray() as Uint8Array).slice()
}

/** What a scenario saw, one entry for each tensor or plain value, in order; harness.py has the same. */
function leavesOf(value: unknown, path = ''): Leaves {
  if (value instanceof torch.Tensor)
    return [[path, { dtype: value.dtype, shape: [...value.shape], device: value.device, bytes: bytesOf(value) }]]
  if (value instanceof Map) return [...value].flatMap(([key, item]) => leavesOf(item, `${path}.${key}`))
  if (Array.isArray(value)) return [...value].flatMap((item, i) => leavesOf(item, `${path}.${i}`))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, item]) => leavesOf(item, `${path}.${key}`))
  if (typeof value === 'number' && !Number.isFinite(value)) return [[path, String(value)]]
  return [[path, typeof value === 'bigint' ? Number(value) : ((value ?? null) as Leaf)]]
}

function shownLeaf(leaf: Leaf | undefined): string {
  if (leaf === undefined) return 'nothing'
  return isTensorLeaf(leaf) ? `${leaf.dtype}[${leaf.shape}] on ${leaf.device}` : JSON.stringify(leaf)
}

/** How far apart two tensors of the same dtype and shape are. */
function distance(ours: TensorLeaf, theirs: TensorLeaf): string {
  let equal = 0
  for (const [i, byte] of ours.bytes.entries()) if (byte === theirs.bytes[i]) equal++
  const text = `${equal} of ${ours.bytes.length} bytes equal (${((100 * equal) / ours.bytes.length).toFixed(1)} %)`
  const Numbers = { float32: Float32Array, float64: Float64Array }[ours.dtype]
  if (!Numbers) return text
  const [a, b] = [ours, theirs].map(({ bytes }) => new Numbers(bytes.slice().buffer)) as [Float64Array, Float64Array]
  let most = 0
  for (const [i, x] of a.entries()) most = Math.max(most, Math.abs(x - b[i]!) / Math.max(Math.abs(b[i]!), 1e-30))
  return `${text}, largest relative difference ${most.toExponential(1)}`
}

/** Fails with every difference, its place, and how large it is. */
function assertSame(ours: Leaves, theirs: Leaves): void {
  const differences: string[] = []
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const [[path, a], [otherPath, b]] = [ours[i] ?? ['nothing', null], theirs[i] ?? ['nothing', null]]
    if (path !== otherPath) {
      differences.push(`entry ${i} is ${path} here and ${otherPath} in Python`)
      break
    }
    if (shownLeaf(a) !== shownLeaf(b)) differences.push(`${path}: ${shownLeaf(a)} here, ${shownLeaf(b)} in Python`)
    else if (isTensorLeaf(a) && isTensorLeaf(b) && Buffer.compare(a.bytes, b.bytes) !== 0)
      differences.push(`${path}: ${shownLeaf(a)}: ${distance(a, b)}`)
  }
  const more = differences.length > 12 ? `\n… and ${differences.length - 12} more` : ''
  const title = `${differences.length} of ${ours.length} entries differ from Python's (torch ${torch.version.libtorch})`
  if (differences.length > 0) assert.fail(`${title}:\n${differences.slice(0, 12).join('\n')}${more}`)
}

interface Answer {
  leaves: Leaves
  /** The message of what was thrown, and all that Python prints of it. */
  error: string | null
  trace: string | null
}

/** Runs programs in one Python process; one that fails does not stop the others. */
function askPython(folder: string, programs: { code: string; strict: boolean }[]): Answer[] {
  const [asked, answered, bytes] = ['asked.json', 'answered.json', 'bytes'].map((name) => join(folder, name))
  writeFileSync(asked!, JSON.stringify(programs))
  pythonFile(join(root, 'test', 'cuda', 'harness.py'), [folder], { LTN_CUDA_CHECK_DEVICE: device })
  const all = readFileSync(bytes!)
  const answers = JSON.parse(readFileSync(answered!, 'utf8')) as (Answer & { leaves: any[] })[]
  assert.equal(answers.length, programs.length)
  for (const { leaves } of answers) {
    for (const entry of leaves) {
      const leaf = entry[1]
      if (typeof leaf !== 'object' || leaf === null) continue
      entry[1] = { ...leaf, bytes: new Uint8Array(all.subarray(leaf.at, leaf.at + leaf.length)) }
      delete entry[1].at
      delete entry[1].length
    }
  }
  return answers
}

/** Deterministic algorithms wherever there are some, as harness.py sets them. */
export function setUp({ strict = false }: Pick<Scenario, 'strict'> = {}): void {
  torch.setNumThreads(1)
  torch.backends.cudnn.benchmark = false
  torch.backends.cudnn.deterministic = true
  torch.useDeterministicAlgorithms(true, { warnOnly: !strict })
  torch.manualSeed(3)
}

const applies = (scenario: Scenario): boolean => device === 'cuda' || !scenario.cuda

function check(scenario: Scenario, ours: Seen, thrown: unknown, expected: Answer): void {
  if (scenario.refused) {
    assert.ok(expected.error !== null, 'Python refuses it')
    assert.ok(thrown instanceof Error, 'it is refused here')
    assert.equal(thrown.message, expected.error)
    return
  }
  if (expected.error !== null) assert.fail(`Python failed:\n${expected.trace}`)
  if (thrown !== undefined) throw thrown
  const leaves = leavesOf(ours)
  assert.ok(leaves.length > 0, 'a scenario sees something')
  assertSame(leaves, expected.leaves)
}

/** A test with one subtest for each scenario, and one for what Python reads of its files. */
export function testBoth(title: string, scenarios: Scenario[]): void {
  test(title, async (t) => {
    const folder = tempDir(t)
    const program = (scenario: Scenario, code: string | undefined) => ({
      code: (applies(scenario) && code) || '',
      strict: scenario.strict ?? false,
    })
    const expected = askPython(
      folder,
      scenarios.map((scenario) => program(scenario, scenario.python)),
    )
    const forBack = new Map<Scenario, Seen>()
    for (const [i, scenario] of scenarios.entries()) {
      await t.test(scenario.title, async (t) => {
        if (!applies(scenario)) return t.skip('needs a CUDA device')
        setUp(scenario)
        const [o, back]: Seen[] = [{}, {}]
        let thrown: unknown
        try {
          await scenario.node(o!, back!, folder)
          forBack.set(scenario, back!)
        } catch (error) {
          thrown = error
        }
        check(scenario, o!, thrown, expected[i]!)
      })
    }
    const readers = scenarios.filter((scenario) => scenario.back && forBack.has(scenario))
    if (readers.length === 0) return
    const seen = askPython(
      folder,
      readers.map((scenario) => program(scenario, scenario.back)),
    )
    for (const [i, scenario] of readers.entries()) {
      await t.test(`${scenario.title}: Python goes on from it`, () =>
        check({ ...scenario, refused: false }, forBack.get(scenario)!, undefined, seen[i]!),
      )
    }
  })
}
