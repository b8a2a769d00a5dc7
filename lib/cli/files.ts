/** How the commands that change checkpoints read and write them. */
import { existsSync } from 'node:fs'
import { ArgumentError } from '../errors.js'
import type { SaveOptions } from '../serialize/index.js'
import { bytesText, printable, several } from './text.js'

/** What is in a file; tensors of other devices come to the CPU. */
export async function loadFile(path: string): Promise<unknown> {
  const { load } = await import('../index.js')
  return load(path, { mapLocation: 'cpu' })
}

export interface Target {
  /** one of `torch.save`'s formats; by default the name says it */
  format?: string
  /** replace a file that is there */
  force?: boolean
}

/** Refuses to replace a file that nobody said may be replaced; asked before anything is read. */
export function checkTarget(path: string, { force }: Target): void {
  if (!force && existsSync(path)) {
    throw new ArgumentError(`${path} is there already; --force replaces it`)
  }
}

/** Saves an object, and says what it made. */
export async function saveFile(value: unknown, path: string, { format }: Target): Promise<void> {
  const { save } = await import('../index.js')
  await save(value, path, format === undefined ? {} : { format: format as NonNullable<SaveOptions['format']> })
  const { inspectCheckpoint } = await import('../serialize/inspect/index.js')
  const { tensors, bytes, format: written } = inspectCheckpoint(path)
  console.log(`${printable(path)}: ${written}, ${several(tensors, 'tensor')}, ${bytesText(bytes)}`)
}
