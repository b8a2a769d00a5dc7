import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildDir, root } from '../support/paths.js'

test('a model with 300 keys is checked in less than a second, and a misspelt key is found', (t) => {
  // inside the package, so that it finds it by its name
  const folder = join(buildDir, `types-${process.pid}`)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(folder, { recursive: true })
  const blocks = Array.from({ length: 30 }, (_, i) => `  block${i} = new Block()`).join('\n')
  writeFileSync(
    join(folder, 'model.ts'),
    `import { nn } from 'libtorch-node'
class Block extends nn.Module {
  conv1 = new nn.Conv2d(1, 1, 1); bn1 = new nn.BatchNorm2d(1)
  tail = new nn.Sequential(new nn.Linear(1, 1), new nn.ReLU(), new nn.Linear(1, 1))
}
class Net extends nn.Module {
${blocks}
}
export const state = new Net().stateDict()
export const good = [state['block29.tail.2.bias'], state['block0.bn1.num_batches_tracked']]
export const bad = state['block29.tail.1.bias']
`,
  )
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { rootDir: root, outDir: folder, incremental: false, tsBuildInfoFile: null },
    include: ['model.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  // The best of three: other tests run beside this one, and what is asked is how much work the types are.
  const seconds = Array.from({ length: 3 }, () => {
    const run = spawnSync(process.execPath, [tsc, '-p', folder, '--noEmit', '--extendedDiagnostics'], {
      encoding: 'utf8',
    })
    const errors = run.stdout.match(/error TS.*/g) ?? []
    assert.deepEqual(errors.length, 1, run.stdout)
    assert.match(errors[0]!, /block29\.tail\.1\.bias/)
    return Number(/Check time:\s*([\d.]+)s/.exec(run.stdout)![1])
  })
  assert.ok(Math.min(...seconds) < 1, `checking took ${seconds.join(', ')} s`)
})
