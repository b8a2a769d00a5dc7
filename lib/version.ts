import { readFileSync } from 'node:fs'
import { native } from './binding.js'

/** Versions of this package and of the LibTorch that it runs on. */
export const version = {
  get package(): string {
    return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
  },
  get libtorch(): string {
    return native().version().libtorch
  },
}
