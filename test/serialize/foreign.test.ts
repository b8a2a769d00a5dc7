// Files that are no checkpoints: each is called by its name, with what to do about it.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'
import { python, requirePython } from '../support/python.js'
import { bytes, zip } from './zip.js'

const folder = mkdtempSync(join(tmpdir(), 'foreign-'))
after(() => rmSync(folder, { recursive: true }))

/** Checks the message for a file of that name, and for its bytes in memory where the name says nothing. */
async function named(name: string, content: string | Uint8Array, message: RegExp, inMemory = message): Promise<void> {
  const path = join(folder, name)
  writeFileSync(path, content)
  const check =
    (wanted: RegExp, file?: string) =>
    (error: torch.CheckpointError): boolean => {
      assert.equal(error.code, 'ERR_CHECKPOINT_FORMAT', String(error))
      assert.match(error.message, wanted)
      assert.equal(error.file, file)
      return true
    }
  assert.throws(() => torch.loadSync(path), check(message, path))
  await assert.rejects(torch.load(path), check(message, path))
  assert.throws(() => torch.loadSync(new Uint8Array(Buffer.from(content as Uint8Array))), check(inMemory))
}

const cases: [string, string | Uint8Array, RegExp, RegExp?][] = [
  ['empty.pt', '', /the file is empty; was the download or the copy cut off\?/],
  ['zeros.pt', new Uint8Array(4096), /nothing but zeros: a download or a save was not finished/],
  ['page.pt', '<!DOCTYPE html><html>', /web page \(HTML\), not a checkpoint: the download got an error or login page/],
  ['page.pt', '\ufeff\r\n<HTML lang="en">', /web page/],
  ['page.pt', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /web page/],
  ['lfs.pt', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n', /Git LFS pointer.*`git lfs pull`/],
  [
    'config.json',
    '{"model_type": "bert"}',
    /JSON has no weight_map: it is no checkpoint/,
    /this is JSON: .*no checkpoint/,
  ],
  ['list.json', '[\n  "a"\n]', /this is JSON, not a checkpoint/],
  ['a.pt.gz', gzipSync('x'), /compressed with gzip: unpack it first \(gunzip\)/],
  ['a.pt.zst', bytes(0x28, 0xb5, 0x2f, 0xfd, 1), /Zstandard.*unzstd/],
  ['a.pt.lz4', bytes(4, 0x22, 0x4d, 0x18, 1), /LZ4.*unlz4/],
  ['a.joblib', deflateSync('x'.repeat(100)), /zlib, as joblib\.dump/],
  ['a.7z', bytes('7z', 0xbc, 0xaf, 0x27, 0x1c, 0, 4), /7z archive: unpack it first \(7z x\)/],
  ['a.rar', bytes('Rar!', 0x1a, 7, 1, 0), /RAR archive: unpack it first \(unrar x\)/],
  ['model.h5', bytes(0x89, 'HDF\r\n', 0x1a, '\n'), /HDF5 file, as Keras saves models, not a PyTorch checkpoint.*h5py/],
  ['a.gguf', bytes('GGUF', 3, 0, 0, 0), /GGUF file of llama\.cpp.*safetensors/],
  ['a.bin', bytes('lmgg', 1, 0, 0, 0), /GGUF file/],
  ['a.tflite', bytes(0x1c, 0, 0, 0, 'TFL3'), /TensorFlow Lite/],
  [
    'a.onnx',
    bytes(8, 8, 0x12, 7, 'pytorch', 0x1a, 5, '2.1.0', 0x3a, 200, 1),
    /ONNX model.*checkpoint that it was exported/,
  ],
  ['a.onnx', bytes(8, 7, 0x3a, 200, 1, 10), /ONNX model/],
  ['b.onnx', bytes(0x3a, 200, 1, 10), /ONNX model/, /not a checkpoint: its first bytes are 3ac8010a/],
  ['saved_model.pb', bytes(8, 1, 0x12, 0xac, 2, 10, 30, 0x12, 5, 'serve'), /SavedModel of TensorFlow, not a PyTorch/],
  ['graph.pb', bytes(10, 40, 10, 1, 'x'), /graph of TensorFlow/, /not a checkpoint: its first bytes/],
  ['model.index', bytes(0, 0, 6, 8, 1, 0x1a, 2, 8, 1, 0, 5), /checkpoint of TensorFlow/],
  ['model.ckpt.data-00000-of-00001', bytes(1, 2, 3, 0xff), /checkpoint of TensorFlow/, /first bytes are 010203ff/],
  ['checkpoint', 'model_checkpoint_path: "ckpt-1"\n', /checkpoint of TensorFlow/],
  ['part.tar', bytes('a'.padEnd(257, '\0'), 'ustar', 0), /tar archive, of which not even the first file is whole/],
  ['a.pt', 'hello world', /not a checkpoint: its first bytes are 68656c6c6f20776f/],
]
for (const [i, [name, content, message, inMemory]] of cases.entries()) {
  test(`${i}: ${name} is ${message.source.slice(0, 40)}`, () => named(name, content, message, inMemory))
}

test("a folder with a SavedModel; other folders are the file system's error", async () => {
  const path = join(folder, 'saved')
  mkdirSync(path)
  assert.throws(() => torch.loadSync(path), { code: 'EISDIR' })
  writeFileSync(join(path, 'saved_model.pb'), 'x')
  const check = { code: 'ERR_CHECKPOINT_FORMAT', message: /SavedModel of TensorFlow/ }
  assert.throws(() => torch.loadSync(path), check)
  await assert.rejects(torch.load(path), check)
})

test('zip archives of others', async () => {
  const of = (...names: string[]): Buffer => zip(names.map((name) => ({ name, data: 'x' })))
  await named('m.keras', of('metadata.json', 'config.json', 'model.weights.h5'), /Keras 3 \(\.keras\)/)
  await named('a.npz', of('a.npy', 'b.npy'), /numpy arrays \(\.npz\).*torch\.save\({k: torch\.from_numpy/)
  await named(
    'm.mar',
    of('MAR-INF/MANIFEST.json', 'handler.py', 'net.pth'),
    /TorchServe \(\.mar\).*load what is in it: net\.pth/,
  )
  await named('tf.zip', of('m/saved_model.pb', 'm/variables/x'), /SavedModel of TensorFlow/)
  await named('a.zip', of('x/model.ckpt', 'x/readme'), /unpack it \(unzip\) and load what is in it: x\/model\.ckpt/)
  const many = of(...Array.from({ length: 7 }, (_, i) => `${i}.txt`))
  await named(
    'b.zip',
    many,
    /zip archive of 0\.txt, 1\.txt, 2\.txt, 3\.txt, 4\.txt, …: it is not a checkpoint of torch\.save/,
  )
  const control = of('a\nb\u001b[31m')
  await named('c.zip', control, /zip archive of a\?b\?\[31m:/)
  await named('cut.zip', many.subarray(0, 90), /truncated/)
})

test('what Python writes with its own tools', async (t) => {
  if (!requirePython(t)) return
  python(
    `
import bz2, collections, io, lzma, pickle, sys, tarfile, numpy, torch
folder = sys.argv[1]
state = collections.OrderedDict(w=torch.ones(2))
for protocol in range(6):
    pickle.dump(state, open(f'{folder}/state{protocol}.pkl', 'wb'), protocol=protocol)
    pickle.dump({'a': [1, 2]}, open(f'{folder}/dict{protocol}.pkl', 'wb'), protocol=protocol)
    pickle.dump([1.5, 'x'], open(f'{folder}/list{protocol}.pkl', 'wb'), protocol=protocol)
numpy.save(f'{folder}/a.npy', numpy.zeros(3))
numpy.savez(f'{folder}/b.npz', a=numpy.zeros(3), b=numpy.ones(2))
bz2.open(f'{folder}/c.bz2', 'wb').write(b'x')
lzma.open(f'{folder}/d.xz', 'wb').write(b'x')
with tarfile.open(f'{folder}/e.tar', 'w') as archive:
    for name in ('model_config.yaml', 'model_weights.ckpt'):
        member = tarfile.TarInfo(name)
        member.size = 3
        archive.addfile(member, io.BytesIO(b'abc'))
torch.save(state, f'{folder}/f.pt', _use_new_zipfile_serialization=False)
data = open(f'{folder}/f.pt', 'rb').read()
for i in range(0, len(data), 7):
    open(f'{folder}/cut{i}.pt', 'wb').write(data[:i])
`,
    [folder],
  )
  const check = (name: string, message: RegExp): void =>
    assert.throws(() => torch.loadSync(join(folder, name)), { code: 'ERR_CHECKPOINT_FORMAT', message }, name)
  for (let protocol = 0; protocol < 6; protocol++) {
    for (const kind of ['state', 'dict', 'list']) {
      check(`${kind}${protocol}.pkl`, /bare pickle, as pickle\.dump\(\) writes.*torch\.save\(pickle\.load\(open/)
    }
  }
  check('a.npy', /numpy array \(\.npy\).*torch\.from_numpy\(numpy\.load/)
  check('b.npz', /numpy arrays \(\.npz\)/)
  check('c.bz2', /bzip2.*bunzip2/)
  check('d.xz', /xz.*unxz/)
  check('e.tar', /tar archive of model_config\.yaml, model_weights\.ckpt, not a checkpoint of PyTorch 0\.1.*tar -xf/)
  assert.deepEqual(torch.loadSync(join(folder, 'f.pt')).w.tolist(), [1, 1])
  let cut = 0
  for (let i = 21; ; i += 7) {
    try {
      torch.loadSync(join(folder, `cut${i}.pt`))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') break
      assert.match(String(error), /truncated: .*\(a download or a save was cut off\)/, String(i))
      cut++
    }
  }
  assert.ok(cut > 40, String(cut))
})
