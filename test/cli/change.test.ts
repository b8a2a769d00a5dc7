// Promise: `convert`, `extract` and `strip-prefix` write what Python reads, with the same bytes, keys and order; nothing is lost by accident.
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'
import { cli, output } from './cli.js'

const files = `
import argparse, json, sys, torch
from torch import nn
folder = sys.argv[1]
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.bn = nn.BatchNorm1d(3)
net = Net()
wrapped = nn.DataParallel(net)
averaged = torch.optim.swa_utils.AveragedModel(net)
optimizer = torch.optim.Adam(wrapped.named_parameters())
checkpoint = {"epoch": 3, "lr": 1.0, "model": wrapped.state_dict(), "ema": averaged.state_dict(), "optimizer": optimizer.state_dict(),
              "args": argparse.Namespace(lr=0.1)}
torch.save(checkpoint, folder + "/checkpoint.pt")
torch.save(checkpoint, folder + "/checkpoint.legacy.pt", _use_new_zipfile_serialization=False)
torch.save(wrapped.state_dict(), folder + "/wrapped.pt")
torch.save(net.state_dict(), folder + "/plain.pt")
torch.save(wrapped, folder + "/whole.pt")
torch.save({f"module.module.{key}": value for key, value in net.state_dict().items()}, folder + "/twice.pt")
torch.save({f"_orig_mod.module.{key}": value for key, value in net.state_dict().items()}, folder + "/compiled.pt")
`

/** Keys in their order, types, versions and the bytes of every tensor, as Python sees them. */
const look = `
import argparse, hashlib, json, sys, torch
def look(value):
    if isinstance(value, torch.Tensor):
        return [str(value.dtype), list(value.shape), hashlib.sha256(value.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()).hexdigest()]
    if isinstance(value, dict):
        return [type(value).__name__, [[key, look(item)] for key, item in value.items()], look(getattr(value, "_metadata", None))]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [look(item) for item in value]]
    if isinstance(value, argparse.Namespace):
        return ["Namespace", look(vars(value))]
    return [type(value).__name__, repr(value)]
`

/** The files are made once. */
let written: string | undefined
after(() => written !== undefined && rmSync(written, { recursive: true }))

function write(t: { after(fn: () => void): void }): string {
  if (written === undefined) {
    written = mkdtempSync(join(tmpdir(), 'libtorch-node-cli-'))
    python(files, [written])
  }
  const dir = tempDir(t)
  cpSync(written, dir, { recursive: true })
  return dir
}

function seen(path: string): unknown {
  return pythonJson(`${look}\nprint(json.dumps(look(torch.load(sys.argv[1], weights_only=False))))`, [path])
}

test('convert: the legacy format becomes the one of today, and all is kept', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const [from, to] = [join(dir, 'checkpoint.legacy.pt'), join(dir, 'new.pt')]
  assert.equal(output(['convert', from, to]), `${to}: pytorch, 15 tensors, 192 B\n`)
  assert.deepEqual(seen(to), seen(from))
  assert.match(output(['diff', from, to]), /^equal: 15 tensors of 45 elements and \d+ other values\n$/)
})

test('convert: a state dict to safetensors and back', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const [from, middle, to] = ['plain.pt', 'm.safetensors', 'back.pt'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  output(['convert', from, middle])
  output(['convert', middle, to])
  assert.match(output(['diff', from, to]), /^equal: 7 tensors/)
  const [before, after] = [torch.loadSync(from), torch.loadSync(to)]
  assert.deepEqual(Object.keys(after).sort(), Object.keys(before).sort())
  // by the option, under another name
  const other = join(dir, 'm.bin')
  output(['convert', from, other, '--format', 'safetensors'])
  assert.deepEqual(readFileSync(other), readFileSync(middle))
})

test('convert: what a format cannot hold is refused, with the way out', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const [from, to] = [join(dir, 'checkpoint.pt'), join(dir, 'm.safetensors')]
  const run = cli(['convert', from, to])
  assert.equal(run.status, 1)
  assert.match(
    run.stderr,
    /"epoch" is a number; only tensors can be saved\n.*libtorch-node extract .*\n\(ERR_ARGUMENT\)/,
  )
  assert.equal(existsSync(to), false)
  const unknown = cli(['convert', from, join(dir, 'x.pt'), '--format', 'onnx'])
  assert.equal(unknown.status, 1)
  assert.match(unknown.stderr, /format "onnx" cannot be written/)
  assert.doesNotMatch(unknown.stderr, /extract/)
})

test('extract: the state dict of checkpoints and whole models is that of Python', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const out = (name: string): string => join(dir, `${name}.out.pt`)
  output(['extract', join(dir, 'checkpoint.pt'), out('found')])
  assert.deepEqual(seen(out('found')), seen(join(dir, 'wrapped.pt')))
  output(['extract', join(dir, 'checkpoint.pt'), out('ema'), '--key', 'ema'])
  assert.match(output(['inspect', out('ema')]), /^├─ n_averaged /m)
  output(['extract', join(dir, 'whole.pt'), out('whole')])
  const opens =
    'import sys, torch; print(list(torch.load(sys.argv[1], weights_only=True)) == list(torch.load(sys.argv[2])))'
  assert.equal(python(opens, [out('whole'), join(dir, 'wrapped.pt')]).trim(), 'True')
  assert.match(output(['diff', out('whole'), join(dir, 'wrapped.pt')]), /^equal: 7 tensors/)
  output(['extract', join(dir, 'checkpoint.pt'), join(dir, 'm.safetensors')])
  assert.match(output(['inspect', join(dir, 'm.safetensors')]), /safetensors/)
  const missing = cli(['extract', join(dir, 'checkpoint.pt'), out('none'), '--key', 'nothing'])
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /there is no key 'nothing'/)
})

test("strip-prefix: Python's state dict of the model itself, with its versions", (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const out = join(dir, 'out.pt')
  output(['strip-prefix', join(dir, 'wrapped.pt'), out])
  assert.deepEqual(seen(out), seen(join(dir, 'plain.pt')))
  output(['strip-prefix', join(dir, 'twice.pt'), out, '--force'])
  assert.match(output(['diff', out, join(dir, 'plain.pt')]), /^equal: 7 tensors/)
  const both = ['--prefix', 'module.', '--prefix', '_orig_mod.']
  output(['strip-prefix', join(dir, 'compiled.pt'), out, '--force', ...both])
  assert.match(output(['diff', out, join(dir, 'plain.pt')]), /^equal: 7 tensors/)
})

test('strip-prefix: in a checkpoint all state dicts change, and nothing else', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const [from, out] = [join(dir, 'checkpoint.pt'), join(dir, 'out.pt')]
  output(['strip-prefix', from, out])
  const expected = pythonJson(
    `${look}
checkpoint = torch.load(sys.argv[1], weights_only=False)
consume = torch.nn.modules.utils.consume_prefix_in_state_dict_if_present
for key in ("model", "ema"):
    consume(checkpoint[key], "module.")
for group in checkpoint["optimizer"]["param_groups"]:
    group["param_names"] = [name[len("module."):] for name in group["param_names"]]
print(json.dumps(look(checkpoint)))`,
    [from],
  )
  assert.deepEqual(seen(out), expected)
})

test('strip-prefix: collisions, whole models and files without the prefix are errors', (t) => {
  if (!requirePython(t)) return
  const dir = write(t)
  const refused = (name: string, message: RegExp, ...args: string[]): void => {
    const run = cli(['strip-prefix', join(dir, name), join(dir, 'never.pt'), ...args])
    assert.equal(run.status, 1, run.stdout)
    assert.match(run.stderr, message)
  }
  refused(
    'plain.pt',
    /no key in .*plain\.pt begins with 'module\.': its keys are like 'fc\.weight', 'fc\.bias', 'bn\.weight'/,
  )
  refused('whole.pt', /holds a whole torch\.nn\.parallel\.data_parallel\.DataParallel.*libtorch-node extract/)
  refused('wrapped.pt', /a prefix cannot be empty/, '--prefix', '')
  torch.saveSync({ 'module.a': torch.ones([1]), a: torch.ones([1]) }, join(dir, 'both.pt'))
  refused('both.pt', /'module\.a' and 'a' would both be 'a'/)
  assert.equal(existsSync(join(dir, 'never.pt')), false)
})

test('a file that is there is not replaced without --force, and is not lost when the command fails', (t) => {
  const dir = tempDir(t)
  const [from, to] = [join(dir, 'a.pt'), join(dir, 'b.pt')]
  torch.saveSync({ 'module.a': torch.ones([1]) }, from)
  for (const command of ['convert', 'extract', 'strip-prefix']) {
    writeFileSync(to, 'precious')
    const run = cli([command, from, to])
    assert.equal(run.status, 1)
    assert.match(run.stderr, /is there already; --force replaces it\n\(ERR_ARGUMENT\)/)
    assert.equal(readFileSync(to, 'utf8'), 'precious')
    const wrong = cli([command, join(dir, 'absent.pt'), to, '--force'])
    assert.equal(wrong.status, 1)
    assert.match(wrong.stderr, /ENOENT/)
    assert.equal(readFileSync(to, 'utf8'), 'precious')
    output([command, from, to, '--force'])
    assert.ok(torch.loadSync(to))
  }
  // in place
  output(['strip-prefix', from, from, '--force'])
  assert.deepEqual(Object.keys(torch.loadSync(from)), ['a'])
  assert.deepEqual(readdirSync(dir).sort(), ['a.pt', 'b.pt'])
})

test('what docs/cli.md shows of inspect and diff is what they print', (t) => {
  const dir = tempDir(t)
  const model = new torch.nn.Linear(4, 2)
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-3 })
  model
    .forward(torch.ones([1, 4]))
    .sum()
    .backward()
  optimizer.step()
  torch.saveSync(
    { epoch: 3, model_state_dict: model.stateDict(), optimizer_state_dict: optimizer.stateDict() },
    join(dir, 'checkpoint.pth'),
  )
  const weight = torch.zeros([2, 4])
  torch.saveSync({ epoch: 3, model: { weight } }, join(dir, 'python.pth'))
  const other = weight.clone()
  other.select(0, 1).select(0, 2).fill_(0.5)
  torch.saveSync({ epoch: 4, model: { weight: other, bias: torch.zeros([2]) } }, join(dir, 'node.pth'))
  const page = readFileSync(join(root, 'docs', 'cli.md'), 'utf8')
  const shown = [...page.matchAll(/^```console\n\$ npx libtorch-node (.*?)\n(.*?)^```$/gms)].filter(([, command]) =>
    /^(inspect|diff) /.test(command!),
  )
  assert.equal(shown.length, 2)
  for (const [, command, text] of shown) {
    const run = cli(command!.split(' '), { cwd: dir })
    assert.equal(run.status, command!.startsWith('diff') ? 1 : 0, run.stderr)
    assert.equal(run.stdout, text)
  }
})
