/** A program: makes the models of golden.json that are named by number, and prints what they are as generate.py does. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { models } from 'libtorch-node/vision'
import { root } from '../support/paths.js'

export interface Row {
  model: string
  /** by Python's names */
  options: Record<string, unknown>
  /** of the images; 0: only names and sizes are compared */
  size: number
  [fact: string]: unknown
}

const { nn } = torch
const golden: { rows: Row[] } = JSON.parse(
  readFileSync(join(root, 'test', 'fixtures', 'vision', 'golden.json'), 'utf8'),
)

function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 16)
}
const raw = (tensor: torch.Tensor): Uint8Array => {
  const { buffer, byteOffset, byteLength } = tensor.detach().contiguous().typedArray() as Uint8Array
  return new Uint8Array(buffer, byteOffset, byteLength)
}
const state = (model: torch.nn.Module): string => {
  const hash = createHash('sha256')
  for (const tensor of Object.values(model.stateDict())) hash.update(raw(tensor))
  return hash.digest('hex').slice(0, 16)
}
const rng = (): string => digest(raw(torch.getRngState()))

const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** What stands for values that JSON does not have. */
function argument(key: string, value: unknown): unknown {
  if (value === 'GroupNorm') return (channels: number) => new nn.GroupNorm(4, channels)
  if (key !== 'conv_stem_configs') return value
  return (value as number[][]).map(([outChannels, kernelSize, stride]) => ({ outChannels, kernelSize, stride }))
}

function facts({ model: name, options, size }: Row): Row {
  const entries = Object.entries(options).map(([key, value]) => [camelCase(key), argument(key, value)])
  // with oneDNN the last bits of dilated convolutions were others on another CPU, in Python as well
  torch.backends.mkldnn.enabled = !('replace_stride_with_dilation' in options)
  torch.manualSeed(7)
  const model = models.getModel(name, Object.fromEntries(entries))
  const stateDict = Object.entries(model.stateDict())
  const row: Row = {
    model: name,
    options,
    size,
    keys: digest(stateDict.map(([key, { shape }]) => `${key}[${shape.join(',')}]`).join('\n')),
    text: digest(String(model)),
    parameters: model.parameters().reduce((sum, parameter) => sum + parameter.numel(), 0),
  }
  if (size === 0) return row
  row.initial = state(model)
  row.afterwards = rng()
  const images = torch.randn(2, 3, size, size)
  row.eval = digest(raw(torch.noGrad(() => model.eval().forward(images))))
  const output: torch.Tensor | torch.Tensor[] = model.train().forward(images)
  // with auxiliary heads these are several
  const outputs = Array.isArray(output) ? output : [output]
  row.train = digest(...outputs.map(raw))
  const losses = outputs.map((each) => each.square().mean())
  losses
    .slice(1)
    .reduce((sum, loss) => sum.add(loss), losses[0]!)
    .backward()
  row.gradients = digest(...model.parameters().map(({ grad }) => raw(grad!)))
  row.end = digest(...model.buffers().map(raw), rng())
  return row
}

for (const index of process.argv.slice(2)) {
  console.log(JSON.stringify(torch.scope(() => facts(golden.rows[Number(index)]!))))
}
