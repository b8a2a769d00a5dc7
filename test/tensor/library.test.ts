/** A shared library with an operator of its own, compiled here (about 10 seconds). */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'

const source = `
#include <ATen/core/Tensor.h>
#include <ATen/ops/mul.h>
#include <torch/library.h>

static at::Tensor twice(const at::Tensor& x, int64_t times) { return x.mul(2 * times); }

TORCH_LIBRARY(ltn_test, m) { m.def("twice(Tensor x, *, int times=1) -> Tensor", twice); }
`

test('operators of a loaded library are called like any other, with gradients', (t) => {
  const places = [
    process.env.LIBTORCH ?? '',
    join(root, '.libtorch', '2.13.0'),
    join(root, '.venv/lib/python3.11/site-packages/torch'),
  ]
  const libtorch = places.find((dir) => existsSync(join(dir, 'include', 'torch', 'library.h')))
  if (!libtorch || process.platform === 'win32' || spawnSync('g++', ['--version']).error) {
    t.skip('needs g++ and the headers of LibTorch')
    return
  }
  const dir = tempDir(t)
  const file = join(dir, 'twice.cpp')
  const library = join(dir, 'twice.so')
  writeFileSync(file, source)
  const flags = ['-std=c++20', '-O0', '-fPIC', '-shared', '-isystem', join(libtorch, 'include')]
  const built = spawnSync('g++', [...flags, file, '-o', library], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)

  torch.ops.loadLibrary(library)
  const { twice } = torch.ops.ltn_test!
  const x = torch.tensor([1, 2], { requiresGrad: true })
  const y = twice!(x, { times: 3 }) as torch.Tensor
  assert.deepEqual(y.tolist(), [6, 12])
  y.sum().backward()
  assert.deepEqual(x.grad!.tolist(), [6, 6])
  assert.deepEqual((twice!.default!(x) as torch.Tensor).tolist(), [2, 4])
  assert.throws(() => twice!(x, { time: 3 }), /did you mean 'times'/)
})
