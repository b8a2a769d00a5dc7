#!/usr/bin/env node
/**
 * `npm run docs` builds the site: the pages of docs/ and the reference of every export, made from the sources. A warning, such as a link
 * that leads nowhere or a parameter that is not there, fails. `-- --out DIR` puts it elsewhere than `.build/site`.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure, main, root } from './lib/run.mjs'
import { setupSite } from './setup.mjs'

const tool = join(root, 'scripts', 'docs')

await main(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, '.build', 'site') } } })
  const out = resolve(values.out)
  await setupSite()
  rmSync(out, { recursive: true, force: true })
  const typedoc = join(tool, 'node_modules', 'typedoc', 'bin', 'typedoc')
  const args = [typedoc, '--out', out, '--logLevel', 'Warn']
  const { status } = spawnSync(process.execPath, args, { cwd: tool, stdio: 'inherit' })
  if (status !== 0) throw new Failure('the site was not built; what is wrong is above')
  console.log(`the site is in ${relative(process.cwd(), out) || '.'}: open ${join(out, 'index.html')}`)
})
