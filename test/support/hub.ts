/** What tests of torch.hub have in common: a cache folder of their own, and the bytes of files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { tempDir } from './paths.js'

/** Sets variables of the environment until the test ends; undefined takes one away. */
export function environment(t: { after(fn: () => void): void }, values: Record<string, string | undefined>): void {
  const before = Object.fromEntries(Object.keys(values).map((key) => [key, process.env[key]]))
  const set = (all: Record<string, string | undefined>) => {
    for (const [key, value] of Object.entries(all)) {
      if (value === undefined) delete process.env[key]
      else process.env[key] = value
    }
  }
  set(values)
  t.after(() => set(before))
}

/** A folder for the files of this test, as Python would choose it, too. */
export function cache(t: { after(fn: () => void): void }): string {
  const home = tempDir(t)
  environment(t, { TORCH_HOME: home })
  return join(home, 'hub', 'checkpoints')
}

/** What torch.save writes. */
export function bytesOf(value: unknown): Buffer {
  const dir = tempDir({ after: () => {} })
  const file = join(dir, 'x.pth')
  torch.saveSync(value, file)
  return readFileSync(file)
}
