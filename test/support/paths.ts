/** Where things are, for tests that run from `.build/`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package. */
export const root = dirname(fileURLToPath(import.meta.resolve('libtorch-node/package.json')))

/** The folder of the compiled tests and examples. */
export const buildDir = join(root, '.build')

/** A fresh folder, removed when the test ends. */
export function tempDir(t: { after(fn: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'libtorch-node-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
