/** Runs the commands of the package as a terminal does. */
import { join } from 'node:path'
import { type ChildResult, child } from '../support/child.js'
import { root } from '../support/paths.js'

/** The script of `libtorch-node`. */
export const script = join(root, 'dist', 'cli', 'main.js')

export interface CliOptions {
  /** columns of the terminal; by default there is no end of them, as in a file */
  columns?: number
  cwd?: string
}

export function cli(args: string[], { columns, cwd }: CliOptions = {}): ChildResult {
  const env: Record<string, string> = columns === undefined ? {} : { COLUMNS: String(columns) }
  return child(script, args, env, cwd === undefined ? {} : { cwd })
}

/** What a command printed; it must succeed and have nothing to complain of. */
export function output(args: string[], options: CliOptions = {}): string {
  const run = cli(args, options)
  if (run.status !== 0 || run.stderr !== '') throw new Error(`${run.status} ${run.stdout}\n${run.stderr}`)
  return run.stdout
}

/** Characters that steer a terminal: there may be none but line feeds. */
export function steering(text: string): string[] {
  return text.match(/[^\P{C}\n]|[\u2028\u2029]/gu) ?? []
}
