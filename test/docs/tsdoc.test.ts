/** Every `@example` in the comments of lib/ compiles under `strict` and runs, with the names below at hand. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { compilePrograms } from '../support/pages.js'
import { root, tempDir } from '../support/paths.js'

/** What an example may use without saying where it comes from. */
const imports = `
import { createReadStream, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parentPort } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { datasets, models, transforms } from 'libtorch-node/vision'
const { nn, optim, F, Tensor } = torch
type Tensor = torch.Tensor
const { prune } = nn.utils
const { BasicBlock, ResNet } = models.resnet
`
const names = `
const [x, input, y, epoch] = [torch.randn(3, 4), torch.randn(3, 4), torch.tensor([0n, 1n, 2n]), 3]
const layer = new nn.Linear(4, 4)
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
const scheduler = new optim.lrScheduler.StepLR(optimizer, 10)
const lossOf = (model: torch.nn.Module) => F.crossEntropy(model.forward(x) as Tensor, y)
const loss = lossOf(model)
const train = (...what: unknown[]): number => 1 / (1 + what.length)
const dataset = new torch.utils.data.TensorDataset(x, y)
const loader = new torch.utils.data.DataLoader(dataset, { batchSize: 3 })
const [images, captions, lines] = [dataset, ['a', 'b', 'c'], ['a', 'b', 'c']]
const stateDict: Record<string, Tensor> = new nn.DataParallel(model).stateDict()
for (const name of ['checkpoint.pth', 'big.pth']) torch.saveSync(model.stateDict(), name)
`

const oneLayer = 'const model = new nn.Linear(4, 3)'
/** The model of the examples about state dicts and freezing, with the names of a ResNet. */
const network = `
class Net extends nn.Module {
  conv1 = new nn.Conv2d(3, 4, 3)
  layer3 = new nn.Linear(4, 4)
  layer4 = new nn.Linear(4, 4)
  fc = new nn.Linear(4, 3)
  forward(x: Tensor) { return this.fc.forward(this.layer4.forward(this.layer3.forward(x))) }
}
const model = new Net()
`

/** Names that are made only for the examples that use them: what opens files and folders, and `step`, a count or what takes one. */
const namesByUse: [RegExp, string][] = [
  [/(?<!\.)\bstep\(/, 'const step = train'],
  [/(?<!\.)\bstep\b(?!\()/, 'const step = 7'],
  [/\bmanager\./, "const manager = new torch.CheckpointManager('run')"],
  [/\bwriter\./, "const writer = new torch.utils.SummaryWriter('run')"],
  [/\bbestLoss\b/, 'const [loss, bestLoss] = [0.5, 0.9]\nlet best: Record<string, Tensor> = {}'],
  [/\bloaded\b/, 'const loaded: Record<string, Tensor> = model.stateDict()'],
  [
    /\bpretrained\b/,
    "const pretrained: Record<string, Tensor> = { ...model.stateDict(), 'conv1.weight': torch.rand(4, 1, 3, 3) }",
  ],
  [/\bwrapped\b/, 'const wrapped = new nn.DataParallel(model)\nconst stateDict = model.stateDict()'],
  [/\brenamed\b/, "const stateDict = { 'features.weight': x, 'classifier.1.bias': y }"],
]

/** Examples that do not run here, by how they begin, and why. */
const notRun: Record<string, string> = {
  "const url = 'https://": 'downloads; test/hub.test.ts does it from a server of its own',
  "await torch.hub.list('pytorch/vision')": 'is a line of test/hub-load.test.ts, which has a server of its own',
  "console.log(await torch.hub.help('pytorch/vision'":
    'is a line of test/hub-load.test.ts, which has a server of its own',
  "const model = await torch.hub.load('pytorch/vision'":
    'downloads; test/hub-load.test.ts does it from a server of its own',
  'const model = await models.fromPretrained(': 'downloads; test/hub.test.ts does it from a server of its own',
  "const model = torch.jit.load('model.pt'":
    'its file comes from Python; docs/jit.md is the same with one that is here',
  'const model = torch.toModule(': 'its file comes from Python; test/whole-model makes some',
  'worker.postMessage(': 'half of it is in another thread; test/lifetime/share.test.ts has both',
  'prune.globalUnstructured(': 'its model has two layers of these names; test/nn/utils.test.ts has one',
  "const checkpoint = torch.loadSync('checkpoint.pth') // saved with args":
    'its file comes from Python; test/serialize/pickle.test.ts reads such ones',
  "const train = new datasets.ImageFolder('data/train'": 'needs a folder of images; test/vision has some',
  "inspectCheckpoint('checkpoint.pth')": 'is of a room without an export; test/cli does it',
}

interface Example {
  place: string
  code: string
}

/** The examples of a source file: what follows the tag, up to the next one. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap((comment) => {
    const body = comment[0].replace(/^\/\*\*|\*\/$/g, '').replace(/^[ \t]*\* ?/gm, '')
    const line = text.slice(0, comment.index).split('\n').length
    return [...body.matchAll(/^@example(.*?)(?=^@|$(?![\s\S]))/gms)].map((match) => ({
      place: `${file}:${line + body.slice(0, match.index).split('\n').length - 1}`,
      code: match[1]!.replace(/^```\w*$/gm, '').trim(),
    }))
  })
}

const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `lib/${name.split(sep).join('/')}`)
  .sort()
const examples = files.flatMap(examplesOf)
const excuseOf = ({ code }: Example) => Object.keys(notRun).find((begins) => code.startsWith(begins))

test('every example runs, or is excused by name', (t) => {
  const run = examples.filter((example) => !excuseOf(example))
  assert.ok(run.length > 40)
  for (const begins of Object.keys(notRun)) {
    const found = examples.filter(({ code }) => code.startsWith(begins))
    assert.equal(found.length, 1, `${found.length} examples begin with ${begins}`)
    t.diagnostic(`not run: ${found[0]!.place}: ${notRun[begins]}`)
  }
  // imports of an example go to the top of its program; a block of its own lets it name things as it likes
  const programs = run.map(({ place, code }, i) => {
    const own = code.match(/^import .*$/gm) ?? []
    const rest = code.replace(/^import .*$/gm, '')
    const head = own.some((line) => line.includes('* as torch'))
      ? imports.replace(/^import \* as torch.*$/m, '')
      : imports
    const used = namesByUse.filter(([use]) => use.test(rest)).map(([, declaration]) => declaration)
    const model = place.startsWith('lib/state-dict/') ? network : oneLayer
    const before = [head, ...own, model, names, '{', ...used].join('\n')
    return [`example-${i + 1}`, `// ${place}\n${before}\n{\n${rest}\n}\n}\nexport {}\n`] as const
  })
  const scripts = compilePrograms('tsdoc', new Map(programs))
  const dir = tempDir(t)
  // each in a thread of its own: hooks of all modules, say, end with it
  const all = `
import { Worker } from 'node:worker_threads'
for (const script of ${JSON.stringify([...scripts.values()])}) {
  await new Promise((resolve, reject) => new Worker(script).on('error', reject).on('exit', resolve))
}`
  const main = join(dirname([...scripts.values()][0]!), 'all.js')
  writeFileSync(main, all)
  const result = child(main, [], {}, { cwd: dir })
  assert.equal(result.status, 0, result.stderr)
})
