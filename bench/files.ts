/** A folder for the files of this process, gone at its end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let files: string | undefined

export function file(name: string): string {
  if (files === undefined) {
    files = mkdtempSync(join(tmpdir(), 'bench-'))
    process.on('exit', () => rmSync(files!, { recursive: true }))
  }
  return join(files, name)
}
