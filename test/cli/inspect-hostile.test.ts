// Promise: `inspect` steers no terminal, runs nothing, says what a hostile file would do, and ends soon whatever is in it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { bytes, checkpoint, tensorPickle, text, zip } from '../serialize/zip.js'
import { root, tempDir } from '../support/paths.js'
import { python, pythonFile, requirePython } from '../support/python.js'
import { cli, output, script, steering } from './cli.js'

interface Found {
  notes: { level: string; text: string }[]
  root: { type: string; class: string; problem?: string; text?: string; entries?: unknown[] }
  classes: { name: string }[]
}

function file(t: { after(fn: () => void): void }, content: Uint8Array | string, name = 'x.pt'): string {
  const path = join(tempDir(t), name)
  writeFileSync(path, content)
  return path
}

const json = (path: string): Found => JSON.parse(output(['inspect', '--json', path]))
const dangers = ({ notes }: Found): string[] => notes.filter(({ level }) => level === 'danger').map((note) => note.text)

function refused(path: string, message: RegExp, code = 'ERR_CHECKPOINT_FORMAT'): void {
  const run = cli(['inspect', path])
  assert.equal(run.status, 1, run.stdout)
  assert.match(run.stderr, message)
  assert.ok(run.stderr.endsWith(`\n(${code})\n`), run.stderr)
  assert.deepEqual(steering(run.stderr), [])
}

test('a terminal: no line is wider, none is steered, lists are shortened with a count', (t) => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`layers.${i}.weight`, torch.ones([1])]))
  const path = join(tempDir(t), 'x.pt')
  const steer = '\x1b[2J\x9b\u202e\u2028\ud800'
  torch.saveSync(
    {
      [`key${steer}`]: `value${steer}`,
      ['long.'.repeat(60)]: torch.ones([3]),
      日本語のキー: torch.ones([2]),
      many,
      ids: Array.from({ length: 5000 }, (_, i) => i),
      text: 'x'.repeat(5000),
    },
    path,
  )
  for (const columns of [20, 40, 80, 200]) {
    const printed = output(['inspect', path], { columns })
    assert.deepEqual(steering(printed), [])
    for (const line of printed.split('\n')) {
      const wide = [...line].filter((character) => /[\u3041-\u9fff]/.test(character)).length
      assert.ok([...line].length + wide <= columns, `${columns}: ${line}`)
    }
  }
  const printed = output(['inspect', path], { columns: 120 })
  assert.match(printed, /^├─ key\\x1b\[2J\\x9b\\u202e\\u2028\\ud800 +'value\\x1b\[2J\\x9b\\u202e\\u2028\\ud800'$/m)
  assert.match(printed, /^│ {2}├─ … 176 more$/m)
  assert.match(printed, /^│ {2}└─ layers\.199\.weight +float32 +\[1\] +4 B$/m)
  assert.match(printed, /^├─ ids +list, 5,000 entries: 0, 1, 2, /m)
  assert.match(output(['inspect', path]), /^└─ text +'x{1000}'… \(5,000 in all\)$/m)
  assert.match(output(['inspect', '--all', path]), /layers\.100\.weight/)
  const raw = output(['inspect', '--json', path])
  assert.deepEqual(steering(raw), [])
  assert.ok(raw.includes('"key": "key\\u001b[2J\\u009b\\u202e\\u2028\\ud800"'), raw.slice(0, 2000))
  assert.equal(JSON.parse(raw).root.entries[0].key, `key${steer}`)
})

test('a pipe that closes early is no error', (t) => {
  const path = join(tempDir(t), 'x.pt')
  torch.saveSync(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])), path)
  const command = `'${process.execPath}' '${script}' inspect --json '${path}' | head -c 100`
  const run = spawnSync('/bin/bash', ['-c', `set -o pipefail; ${command}`], { encoding: 'utf8' })
  assert.equal(run.stderr, '')
  assert.equal(run.stdout.length, 100)
})

test('programs in a pickle are told and not run', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const marker = join(dir, 'marker')
  const path = join(dir, 'evil.pt')
  python(
    `
import os, sys, torch
class Evil:
    def __reduce__(self):
        return os.system, ("echo '\\x1b[31m' > " + sys.argv[2],)
class Worse:
    def __reduce__(self):
        return eval, ("open('" + sys.argv[2] + "', 'w')",)
torch.save({"w": torch.ones(2), "a": Evil(), "b": [Worse()]}, sys.argv[1])
torch.save([Evil()], sys.argv[1] + ".legacy", _use_new_zipfile_serialization=False)`,
    [path, marker],
  )
  const found = json(path)
  const [first, second] = dangers(found)
  assert.match(first!, /^Python would run posix\.system\("?'?echo .*marker.*not run$/s)
  assert.match(second!, /^Python would run builtins\.eval\(/)
  assert.match(dangers(json(`${path}.legacy`))[0]!, /posix\.system/)
  const printed = output(['inspect', path], { columns: 80 })
  assert.match(printed, /^ {2}DANGER: Python would run posix\.system/m)
  assert.deepEqual(steering(printed), [])
  assert.equal(existsSync(marker), false)
})

test('also programs that leave nothing in the value', (t) => {
  // called, and thrown away
  const popped = bytes(0x80, 2, 'cos\nsystem\n(', text('touch x'), 'tR0}.')
  assert.match(dangers(json(file(t, checkpoint(popped))))[0]!, /os\.system\('touch x'\)/)
  // in the hooks of a tensor
  const hooks = bytes('csubprocess\nPopen\n(', text('sh'), 'tR')
  const tensor = tensorPickle().toString('latin1').replace('ccollections\nOrderedDict\n)R', hooks.toString('latin1'))
  const inHooks = checkpoint(Buffer.from(tensor, 'latin1'), { 0: new Uint8Array(16) })
  assert.match(dangers(json(file(t, inHooks)))[0]!, /subprocess\.Popen\('sh'\)/)
  // by a name of protocol 4 that goes through another module
  const short = (name: string): Buffer => bytes(0x8c, name.length, name)
  const dotted = bytes(0x80, 4, short('torch.serialization'), short('os.system'), 0x93, short('ls'), 0x85, 'R.')
  assert.match(dangers(json(file(t, checkpoint(dotted))))[0]!, /torch\.serialization\.os\.system\('ls'\)/)
  // named, for somebody else to call
  const named = bytes(0x80, 2, 'cbuiltins\nexec\n.')
  assert.match(dangers(json(file(t, checkpoint(named))))[0]!, /names builtins\.exec/)
})

test('tensors that do not fit their storages are told one by one', (t) => {
  const data = new Uint8Array(16)
  const cases: [Buffer, RegExp][] = [
    [checkpoint(tensorPickle({ size: [5] }), { 0: data }), /reaches beyond its storage of 4 elements/],
    [checkpoint(tensorPickle({ size: [2 ** 31, 2 ** 31], stride: [0, 0] }), { 0: data }), /beyond all memory/],
    [checkpoint(tensorPickle({ stride: [1, 1] }), { 0: data }), /do not fit together/],
    [checkpoint(tensorPickle({ offset: -1 }), { 0: data }), /storage offset is wrong/],
    [checkpoint(tensorPickle()), /the record data\/0 is missing/],
    [
      checkpoint(tensorPickle(), { 0: new Uint8Array(12) }),
      /the record data\/0 has 12 bytes; 4 elements of float32 take 16/,
    ],
  ]
  for (const [content, problem] of cases) {
    const path = file(t, content)
    const found = json(path)
    assert.match(found.root.problem!, problem)
    assert.equal(found.notes[0]!.level, 'warning')
    assert.match(found.notes[0]!.text, problem)
    assert.match(output(['inspect', path]), /cannot be read: /)
  }
})

test('what is no checkpoint, and what is cut off', (t) => {
  const path = join(tempDir(t), 'x.pt')
  torch.saveSync({ w: torch.ones([100]) }, path)
  const cut = `${path}.cut`
  copyFileSync(path, cut)
  truncateSync(cut, 700)
  refused(cut, /the file is truncated/)
  refused(file(t, '<!doctype html><p>404'), /web page/)
  refused(file(t, ''), /the file is empty/)
  refused(file(t, 'version https://git-lfs.github.com/spec/v1\noid'), /git lfs pull/)
  refused(file(t, zip([{ name: 'a/b', data: 'x' }])), /record data\.pkl: this zip archive has no data\.pkl/)
  refused(file(t, checkpoint(bytes(0x80, 2, ']'))), /record data\.pkl, byte 3: truncated/)
  refused(file(t, '\x1b[31mx\x07'), /its first bytes are 1b5b33316d7807/)
  refused(join(tempDir(t), 'absent\x1b[31m.pt'), /ENOENT.*absent\\x1b\[31m/, 'ENOENT')
  const whole = readFileSync(path)
  const end = whole.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const damaged = Buffer.from(whole)
  damaged.writeUInt32LE(0, damaged.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'), end))
  refused(file(t, damaged), /the zip directory is damaged/)
})

test('a legacy file that is cut off: what is there is told, and what is not', (t) => {
  if (!requirePython(t)) return
  const path = join(tempDir(t), 'x.pt')
  python(
    'import sys, torch; torch.save({"a": torch.ones(100), "b": torch.ones(100)}, sys.argv[1], _use_new_zipfile_serialization=False)',
    [path],
  )
  truncateSync(path, readFileSync(path).length - 600)
  const found = json(path)
  const warnings = found.notes.filter(({ level }) => level === 'warning').map((note) => note.text)
  assert.match(warnings[0]!, /^the file is truncated: its storages end at byte \d+/)
  assert.equal(warnings.filter((warning) => /the tensor .* cannot be read/.test(warning)).length, 2)
  truncateSync(path, 200)
  refused(path, /truncated/)
})

test('structures that are made to take for ever or all memory end soon', (t) => {
  const deep = 100_000
  const parameter = 'ctorch._utils\n_rebuild_parameter\n('
  const type = 'ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\nTensor\n('
  let laughs: Buffer = Buffer.from([0x80, 2, 0x5d, 0x71, 0])
  for (let i = 0; i < 100; i++) laughs = bytes(laughs, ']q', i + 1, '(h', i, 'h', i, 'e')
  const cases: [Buffer, RegExp | undefined][] = [
    [bytes(0x80, 2, ']'.repeat(deep), 'a'.repeat(deep - 1), '.'), /levels|too deep/],
    [bytes(0x80, 2, parameter.repeat(deep), 'N', 'tR'.repeat(deep), '.'), /levels|too deep/],
    [bytes(0x80, 2, type.repeat(deep), 'N', 'tNtR'.repeat(deep), '.'), /levels|too deep/],
    [bytes(0x80, 2, 'cbuiltins\ncomplex\n('.repeat(deep), 'N', 'tR'.repeat(deep), '.'), /levels|too deep/],
    [bytes(0x80, 2, 'ca\nb\n('.repeat(deep), 'N', 'tR'.repeat(deep), '.'), /levels|too deep/],
    [bytes(laughs, '.'), undefined],
    [bytes(0x80, 2, '(', 'K\x01'.repeat(2_000_000), 'l.'), undefined],
    [bytes(0x80, 2, '(', `cos\nsystem\n(${'K\x01'}tR`.repeat(50_000), 'l.'), undefined],
  ]
  for (const [pickle, message] of cases) {
    const path = file(t, checkpoint(pickle))
    if (message) {
      refused(path, message, 'ERR_CHECKPOINT_UNSAFE')
      continue
    }
    const run = cli(['inspect', path], { columns: 100 })
    assert.equal(run.status, 0, run.stderr)
    assert.ok(run.peakRss < 1e9, String(run.peakRss))
    assert.ok(run.stdout.length < 200_000, String(run.stdout.length))
  }
})

test('an archive of C++ is told from a TorchScript program whose class has the same name', (t) => {
  const key = (name: string): Buffer => text(name)
  const tensor = tensorPickle().subarray(2, -1)
  const module = (...more: Buffer[]): Buffer =>
    bytes(0x80, 2, 'c__torch__\nModule\n)\x81}(', key('weight'), tensor, ...more, 'ub.')
  const archive = (pickle: Buffer): Buffer =>
    checkpoint(pickle, { 0: new Uint8Array(16) }, [{ name: 'x/constants.pkl', data: bytes(0x80, 2, ').') }])
  const formatOf = (content: Buffer): unknown => (json(file(t, content)) as unknown as { format: string }).format
  assert.equal(formatOf(archive(module())), 'libtorch')
  assert.equal(formatOf(archive(module(key('training'), bytes(0x88)))), 'torchscript')
  const found = json(file(t, archive(module())))
  assert.match(found.notes[0]!.text, /archive of C\+\+ \(torch::save\)/)
  assert.match(output(['inspect', file(t, archive(module()))]), /^└─ weight +float32 +\[4\] +16 B$/m)
})

test('mutated files of every format: an answer or a CheckpointError, never another error', async (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const { inspectCheckpoint } = await import(join(root, 'dist', 'serialize', 'inspect', 'index.js'))
  pythonFile(join(root, 'test', 'cli', 'checkpoints.py'), ['write', dir])
  torch.saveSync({ a: torch.ones([3]), b: torch.ones([2, 2]) }, join(dir, 'm.safetensors'))
  let state = 12345
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return Math.floor((state / 2 ** 31) * below)
  }
  let refusedOnes = 0
  let told = 0
  const target = join(dir, 'mutated')
  for (const name of [
    'containers.pt',
    'model.pt',
    'sparse.pt',
    'quantized.pt',
    'containers.legacy.pt',
    'tar.tar',
    'm.safetensors',
  ]) {
    const whole = readFileSync(join(dir, name))
    for (let round = 0; round < 150; round++) {
      const mutated = Buffer.from(whole)
      // where the structure is: pickles at the beginning, directories at the end
      const near = random(2) === 0 ? 0 : Math.max(0, mutated.length - 2500)
      for (let i = random(2); i >= 0; i--) mutated[(near + random(2500)) % mutated.length] = random(256)
      writeFileSync(target, random(16) === 0 ? mutated.subarray(0, random(mutated.length)) : mutated)
      try {
        JSON.stringify(inspectCheckpoint(target))
        told++
      } catch (error) {
        assert.ok(error instanceof torch.CheckpointError, `${name}, round ${round}: ${(error as Error).stack}`)
        refusedOnes++
      }
    }
  }
  assert.ok(told > 100 && refusedOnes > 100, `${told} ${refusedOnes}`)
})

test('a record that unpacks to too much is not unpacked', (t) => {
  const bomb = zip([
    { name: 'x/data.pkl', data: new Uint8Array(400e6), deflate: true },
    { name: 'x/version', data: '3\n' },
  ])
  const path = file(t, bomb)
  const run = cli(['inspect', path])
  assert.match(
    run.stderr,
    /record data\.pkl: the record has 400000000 bytes; \d+ are allowed\n\(ERR_CHECKPOINT_UNSAFE\)/,
  )
  assert.ok(run.peakRss < 200e6, String(run.peakRss))
  // one that claims less than it has
  const lying = zip([
    { name: 'x/data.pkl', data: new Uint8Array(1e6), deflate: true, claim: 100 },
    { name: 'x/version', data: '3\n' },
  ])
  refused(file(t, lying), /record data\.pkl: it cannot be unpacked/)
})

test('deflated pickles open, as torch.load opens them; records twice and records of nobody are told', (t) => {
  const pickle = tensorPickle()
  const data = new Uint8Array(16)
  const found = json(
    file(
      t,
      zip([
        { name: 'top/data.pkl', data: pickle, deflate: true },
        { name: 'top/version', data: '3\n' },
        { name: 'top/data/0', data, deflate: true },
        { name: 'top/data/0', data },
        { name: 'top/data/7', data },
      ]),
    ),
  )
  assert.equal(found.root.type, 'tensor')
  assert.deepEqual(
    found.notes.map((note) => note.text),
    [
      'records are in the archive more than once: data/0',
      '1 storage is compressed, and so cannot be mapped into memory',
      '1 record of 16 bytes that nothing refers to',
    ],
  )
})

test('wrong command lines have exit code 2, and the help names all commands', () => {
  for (const args of [['inspect'], ['inspect', 'a', '--jsn'], ['diff', 'a'], ['insect', 'a']]) {
    assert.equal(cli(args).status, 2, args.join(' '))
  }
  const help = output(['--help'])
  for (const name of ['install', 'doctor', 'inspect', 'diff', 'convert', 'extract', 'strip-prefix'])
    assert.match(help, new RegExp(`^ {2}${name} `, 'm'))
  const page = readFileSync(join(root, 'docs', 'cli.md'), 'utf8')
  for (const [, name] of help.matchAll(/^ {2}([a-z-]+) \[options\]/gm))
    assert.ok(page.includes(`## \`${name}\``), `docs/cli.md has no chapter on ${name}`)
})
