/** Valid files of each format, for the fuzzer to change. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { checkpoint } from '../serialize/zip.js'

export interface Seed {
  /** path of the file, or of the part of it that is changed */
  bytes: string
  /** makes a file of a changed part */
  inside?: (part: Buffer) => Buffer
}

/** The records of an archive that torch.save wrote, by their names without the folder. */
function recordsOf(file: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  const signature = 'PK\x01\x02'
  for (let at = file.indexOf(signature, 0, 'latin1'); at >= 0; at = file.indexOf(signature, at + 4, 'latin1')) {
    const name = file.toString('latin1', at + 46, at + 46 + file.readUInt16LE(at + 28))
    const header = file.readUInt32LE(at + 42)
    const begin = header + 30 + file.readUInt16LE(header + 26) + file.readUInt16LE(header + 28)
    records.set(name.slice(name.indexOf('/') + 1), file.subarray(begin, begin + file.readUInt32LE(at + 24)))
  }
  return records
}

export function seeds(folder: string): Seed[] {
  const model = new torch.nn.Sequential(new torch.nn.Linear(3, 2), new torch.nn.BatchNorm1d(2))
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 0.1 })
  model.forward(torch.ones(2, 3)).sum().backward()
  optimizer.step()
  const stateDict = model.stateDict()
  const values: unknown[] = [
    { epoch: 3, model_state_dict: stateDict, optimizer_state_dict: optimizer.stateDict(), args: new Map([[1, 'x']]) },
    [torch.ones(2, 2).toSparse(), torch.arange(3), torch.ones(2).bfloat16(), torch.ones(2, { dtype: 'complex64' })],
    torch.Tuple.of<unknown>(new Set([1, 2]), 2n ** 80n, 'text', new Uint8Array([1, 2, 3]), null, true, 0.5),
  ]
  const found: Seed[] = []
  const path = (name: string): string => join(folder, name)
  for (const [i, value] of values.entries()) {
    const whole = path(`seed-${i}.pt`)
    torch.saveSync(value, whole)
    found.push({ bytes: whole })
    torch.saveSync(value, path(`seed-${i}.pth`), { format: 'legacy' })
    found.push({ bytes: path(`seed-${i}.pth`) })
    const records = recordsOf(readFileSync(whole))
    const storages = Object.fromEntries(
      [...records].flatMap(([name, data]) => (name.startsWith('data/') ? [[name.slice(5), data]] : [])),
    )
    const pickle = path(`seed-${i}.pkl`)
    writeFileSync(pickle, records.get('data.pkl')!)
    found.push({ bytes: pickle, inside: (part) => checkpoint(part, storages) })
  }
  torch.saveSync(stateDict, path('seed.safetensors'))
  torch.saveSync(stateDict, path('seed-cpp.pt'), { format: 'libtorch' })
  return [...found, { bytes: path('seed.safetensors') }, { bytes: path('seed-cpp.pt') }]
}
