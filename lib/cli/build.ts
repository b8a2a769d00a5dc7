/** `libtorch-node build` */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { LibTorchError } from '../errors.js'
import { findLibTorch } from '../libtorch/find.js'
import { packageRoot } from '../libtorch/places.js'
import { buildable } from '../libtorch/versions.js'

/** The command `build`. */
export function buildCommand(): Command {
  return new Command('build')
    .description(
      'build the addons here, for a LibTorch or a platform that has no prebuilt one: needs CMake, a C++20 compiler and a LibTorch with headers',
    )
    .option('--fresh', 'build all of it, also what was built before')
    .action(({ fresh }: { fresh?: boolean }) => {
      if (process.platform === 'win32')
        throw new LibTorchError('ERR_PLATFORM', 'On Windows the addons are built in a clone: npm run build')
      const libtorch = findLibTorch({ minors: buildable, headers: true })
      const folder = join(packageRoot, 'build')
      if (fresh) rmSync(folder, { recursive: true, force: true })
      const generator = spawnSync('ninja', ['--version']).status === 0 ? ['-G', 'Ninja'] : []
      cmake('-S', packageRoot, '-B', folder, ...generator, `-DLIBTORCH=${libtorch.dir}`)
      // a LibTorch source takes about 1.5 GB to compile
      const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 31)))
      cmake('--build', folder, '--parallel', String(jobs))
      console.log(`The addons for LibTorch ${libtorch.version} are built: ${join(folder, 'Release')}`)
    })
}

function cmake(...args: string[]): void {
  const { error, status } = spawnSync('cmake', args, { stdio: 'inherit' })
  if (error)
    throw new LibTorchError('ERR_PLATFORM', `CMake >= 3.18 is needed, and cannot be started: ${error.message}`, {
      cause: error,
    })
  if (status !== 0) throw new LibTorchError('ERR_PLATFORM', 'The build failed; its messages are above.')
}
