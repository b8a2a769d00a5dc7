import { homedir } from 'node:os'
import { join } from 'node:path'
import { ArgumentError } from '../errors.js'

let chosen: string | undefined

/** A leading `~` is the user's home folder. */
export function expandUser(path: string): string {
  if (path === '~') return home()
  return /^~[/\\]/.test(path) ? join(home(), path.slice(2)) : path
}
// Python's expanduser goes by HOME, too
function home(): string {
  return process.env.HOME || homedir()
}

/**
 * The folder of downloaded models: that of {@link setDir}, else `$TORCH_HOME/hub`, else `$XDG_CACHE_HOME/torch/hub`, else
 * `~/.cache/torch/hub`. Python uses the same, so that what one downloads is there for the other.
 */
export function getDir(): string {
  if (chosen !== undefined) return chosen
  const { TORCH_HOME, XDG_CACHE_HOME } = process.env
  return join(expandUser(TORCH_HOME ?? join(XDG_CACHE_HOME ?? '~/.cache', 'torch')), 'hub')
}

/** Sets the folder of downloaded models for this process. A leading `~` is the home folder. */
export function setDir(dir: string): void {
  if (typeof dir !== 'string') throw new ArgumentError(`hub.setDir(): expected a path, received ${String(dir)}`)
  chosen = expandUser(dir)
}

/** The folder of the files themselves. @internal */
export function checkpointsDir(modelDir?: string | null): string {
  return modelDir ?? join(getDir(), 'checkpoints')
}
