/** Compiles bench/floor.cpp: the steps of some trials with LibTorch alone. */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, status } from '../lib/run.mjs'
import { environment, sides } from './sides.mjs'

export const floorTrials = ['mlp sgd', 'lstm', 'transformer layer']

/** Puts the program in Node's place. */
export function useFloor() {
  const source = join(root, 'bench', 'floor.cpp')
  const program = join(root, '.build', 'bench', 'floor')
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    status('compiling bench/floor.cpp')
    const { LIBTORCH } = environment
    const include = ['', 'torch/csrc/api/include'].map((folder) => `-I${join(LIBTORCH, 'include', folder)}`)
    const libraries = ['-ltorch', '-ltorch_cpu', '-lc10', `-Wl,-rpath,${join(LIBTORCH, 'lib')}`]
    mkdirSync(join(root, '.build', 'bench'), { recursive: true })
    run('g++', ['-std=c++20', '-O2', ...include, source, '-o', program, `-L${join(LIBTORCH, 'lib')}`, ...libraries])
    status('')
  }
  sides.node = { command: [program] }
}
