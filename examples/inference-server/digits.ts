/** What the two threads of the server have in common: the net and its data. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'

const { nn } = torch

export const makeModel = () => new nn.Sequential(new nn.Linear(64, 512), new nn.ReLU(), new nn.Linear(512, 10))

/** Pictures of 8×8 digits as (1797, 64), ink from 0 to 1, with their labels. */
export function readDigits(): [images: torch.Tensor, labels: torch.Tensor] {
  const file = new URL('examples/resume/data/digits.csv.gz', import.meta.resolve('libtorch-node/package.json'))
  const text = gunzipSync(readFileSync(fileURLToPath(file))).toString()
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
  return [torch.tensor(rows.map((row) => row.slice(0, 64))).div(16), torch.tensor(rows.map((row) => BigInt(row[64]!)))]
}
