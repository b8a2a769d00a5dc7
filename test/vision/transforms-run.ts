/** A program: does what test/fixtures/vision/transforms.py did, and prints what came out otherwise. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { transforms as T } from 'libtorch-node/vision'
import { root } from '../support/paths.js'

interface Row {
  name: string
  args: unknown[]
  options: Record<string, unknown>
  size: [number, number]
  dtype: string
  shapes: number[][]
  first: number[]
  digests: string[]
  rng: string
}
const file = join(root, 'test', 'fixtures', 'vision', 'transforms.json')
const golden: { composed: string; rows: Row[] } = JSON.parse(readFileSync(file, 'utf8'))

function digest(...tensors: torch.Tensor[]): string {
  const hash = createHash('sha256')
  for (const tensor of tensors) {
    const { buffer, byteOffset, byteLength } = tensor.contiguous().typedArray() as Uint8Array
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex').slice(0, 16)
}
function image(size: [number, number], dtype: string): torch.Tensor {
  torch.manualSeed(7)
  const floats = torch.rand(3, ...size)
  return dtype === 'uint8' ? floats.mul(255).to('uint8') : floats
}

torch.setNumThreads(1)
const wrong: unknown[] = []
for (const row of golden.rows) {
  const given = image(row.size, row.dtype)
  const Transform = (T as any)[row.name]
  const transform: T.Transform = new Transform(...row.args, ...(Object.keys(row.options).length ? [row.options] : []))
  const outputs = row.digests.map(() => transform.forward(given))
  const seen = {
    shapes: outputs.map((output) => output.shape),
    first: outputs[0]!.flatten().narrow(0, 0, row.first.length).tolist(),
    digests: outputs.map((output) => digest(output)),
    rng: digest(torch.getRngState()),
  }
  const { shapes, first, digests, rng, ...what } = row
  if (JSON.stringify(seen) !== JSON.stringify({ shapes, first, digests, rng }))
    wrong.push({ ...what, seen, expected: { shapes, first, digests, rng } })
}

const given = image([20, 24], 'uint8')
const compose = new T.Compose([
  new T.RandomResizedCrop(8),
  new T.RandomHorizontalFlip(),
  new T.RandomApply([new T.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
  new T.ConvertImageDtype('float32'),
  new T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])
const composed = digest(...[...Array(10)].map(() => compose.forward(given)), torch.getRngState())
if (composed !== golden.composed) wrong.push({ composed, expected: golden.composed })
console.log(JSON.stringify({ rows: golden.rows.length, wrong }))
