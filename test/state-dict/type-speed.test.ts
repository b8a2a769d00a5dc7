/** Typed keys must not make an editor slow: a model of more than 300 keys, checked with everything that is typed from them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildDir, root } from '../support/paths.js'

const blocks = 22
const head = `import * as torch from 'libtorch-node'\nexport const { nn } = torch\n`
// 14 keys a block, and 2
const model = `${head}
class Block extends nn.Module {
  conv1 = new nn.Conv2d(2, 2, 3)
  bn1 = new nn.BatchNorm2d(2)
  conv2 = new nn.Conv2d(2, 2, 3)
  bn2 = new nn.BatchNorm2d(2)
}
class Net extends nn.Module {
${Array.from({ length: blocks }, (_, i) => `  layer${i} = new Block()`).join('\n')}
  fc = new nn.Linear(2, 3)
}
const net = new Net()
type Count = torch.StateDict<Net>
export const weight: torch.Tensor = net.stateDict()['layer${blocks - 1}.bn2.running_var']
export const all: Count = torch.stripPrefix(torch.addPrefix(net.stateDict(), 'module.'), ['module.', '_orig_mod.'])
torch.freeze(net, 'layer0.*', '**.bn?.*', 'fc.weight')
torch.unfreeze(net, 'layer${blocks - 1}.conv1.*')
torch.paramGroups(net, [{ match: 'fc.*', lr: 1 }, { match: 'layer?.*' }, { match: '**' }])
torch.loadMatching(net, all, { skip: ['fc.*'], adapt: { 'layer0.conv1.weight': 'inputChannels' } })
// @ts-expect-error misspelt: the keys are known
torch.freeze(net, 'layr0.*')
`

test('checking a model of 310 keys takes less than a second more than checking none', () => {
  const folder = join(buildDir, 'type-speed')
  mkdirSync(folder, { recursive: true })
  const seconds = (name: string, text: string): number => {
    const file = join(folder, `${name}.ts`)
    writeFileSync(file, text)
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--target',
      'es2022',
      '--module',
      'nodenext',
    ]
    const times = Array.from({ length: 3 }, () => {
      const started = performance.now()
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
      const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, '--types', 'node', file], {
        cwd: root,
        encoding: 'utf8',
      })
      assert.equal(status, 0, stdout)
      return (performance.now() - started) / 1000
    })
    return Math.min(...times)
  }
  const [none, much] = [seconds('none', head), seconds('much', model)]
  assert.ok(much - none < 1, `${much.toFixed(2)} s and ${none.toFixed(2)} s`)
})
