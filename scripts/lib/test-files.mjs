/** Which compiled test files there are. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Failure, root } from './run.mjs'

/** Compiled test files of a source file or folder; by the sources, as `.build` may hold tests that were removed. */
export function testFiles(path) {
  const source = resolve(root, path)
  if (!existsSync(source)) throw new Failure(`${path}: no such test file or folder`)
  if (statSync(source).isDirectory()) {
    return readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .sort()
      .flatMap((name) => testFiles(join(source, name)))
  }
  return [join(root, '.build', relative(root, source).replace(/\.ts$/, '.js'))]
}
