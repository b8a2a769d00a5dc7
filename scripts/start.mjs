#!/usr/bin/env node
/** `npm start`: sets up what is missing, then resumes training from a checkpoint that Python wrote (examples/resume). */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { main, root } from './lib/run.mjs'
import { setup } from './setup.mjs'

await main(async () => {
  await setup()
  const example = join(root, '.build', 'examples', 'resume', 'resume.js')
  const { status } = spawnSync(process.execPath, [example, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
  return status ?? 1
})
