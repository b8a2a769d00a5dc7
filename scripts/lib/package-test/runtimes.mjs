/** Node.js of several versions, Bun and pnpm, as npm packages; kept in .build/package-test, so that a second run fetches nothing. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, root } from '../run.mjs'

export const kept = join(root, '.build', 'package-test')

const platform = `${process.platform}-${process.arch}`
const node = (version) => ({ name: `Node ${version}`, package: `node-${platform}`, version, program: 'bin/node' })

/** The oldest that is supported, the first with `require()` of ES modules in its line, and the newest of each line. */
export const runtimes = [
  node('20.19.0'),
  node('20.20.2'),
  node('22.12.0'),
  node('22.23.3'),
  node('24.21.0'),
  node('26.12.1'),
  { name: 'Bun 1.4.5', package: `@oven/bun-${platform}`, version: '1.4.5', program: 'bin/bun' },
]

export const pnpm = { package: 'pnpm', version: '10.34.8', program: 'bin/pnpm.cjs' }

/** The program of a package; the package is fetched when it is not there yet. */
export function fetched({ package: name, version, program }) {
  const folder = join(kept, 'programs', `${name.replace('/', '-')}-${version}`)
  if (!existsSync(folder)) {
    mkdirSync(join(kept, 'programs'), { recursive: true })
    const fresh = mkdtempSync(`${folder}.new-`)
    try {
      console.log(`fetching ${name} ${version}`)
      quietly('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', fresh])
      const archive = readdirSync(fresh).find((file) => file.endsWith('.tgz'))
      quietly('tar', ['xzf', join(fresh, archive), '-C', fresh])
      renameSync(join(fresh, 'package'), folder)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  }
  return join(folder, program)
}

function quietly(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Failure(`failed: ${[program, ...args].join(' ')}\n${error?.message ?? stderr}`)
}
