import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { native } from './binding.js'
import { packageRoot } from './libtorch/places.js'

/** Versions of this package and of the LibTorch that it runs on. */
export const version = {
  get package(): string {
    return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version
  },
  get libtorch(): string {
    return native().version().libtorch
  },
}
