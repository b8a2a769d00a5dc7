/**
 * Puts a LibTorch into a folder: fetches its wheel (pip, else HTTPS), unpacks beside the target and renames, so that the folder
 * is always a whole LibTorch or not there. One installation at a time: the others wait, and find it done.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type Reporter, silent } from '../download/report.js'
import { LibTorchError } from '../errors.js'
import { availableMinors } from './addons.js'
import { diskFull, isFull } from './disk.js'
import { download } from './download.js'
import { libraryName, readVersion } from './find.js'
import { withLock } from './lock.js'
import { findPip, type Pip, pipCommand, pipDownload } from './pip.js'
import { cacheDir, isWritable } from './places.js'
import { unpack, wheelFileVersion } from './unpack.js'
import { buildOf, type LibTorchRelease, minorOf, reference, releases } from './versions.js'
import { findWheel, officialIndex, platformTags, wheelVersion } from './wheel.js'

export interface InstallOptions {
  /** `'cpu'` (default) or a CUDA build, `'cu130'`. */
  build?: string
  /** The folder that becomes a LibTorch; default: the user cache. */
  dir?: string
  /** An archive that is here already: a wheel of torch, or PyTorch's LibTorch zip. */
  from?: string
  /** The only index to ask, instead of pip's own and PyTorch's. */
  indexUrl?: string
  /** A folder in which the wheel stays, so that Python can be given the same. */
  keepWheel?: string
  /** False: HTTPS even where pip is there. */
  pip?: boolean
  report?: Reporter
}

export interface InstallPlan {
  /** `'2.13.0+cpu'` */
  version: string
  build: string
  release: LibTorchRelease
  dir: string
  /** The version that is in `dir` now. */
  present?: string
  /** What will be done, in words and in order. */
  steps: string[]
}

/** Says what {@link install} will do; nothing is written or asked of the network. */
export async function planInstall(options: InstallOptions = {}): Promise<InstallPlan> {
  const build = options.build ?? 'cpu'
  const minors = availableMinors()
  let release = releases.find(({ minor }) => minors.includes(minor)) ?? reference
  let version = wheelVersion(release, build)
  if (options.from !== undefined) {
    if (!existsSync(options.from)) throw installError(`${options.from}: no such file`)
    version = wheelFileVersion(options.from) ?? release.version
    release = releases.find(({ minor }) => minor === minorOf(version)) ?? release
  } else if (!platformTags()) {
    throw installError(`there is no LibTorch for ${process.platform}-${process.arch}`)
  }
  const dir = resolve(options.dir ?? cacheDir(release.version))
  const plan: InstallPlan = { version, build, release, dir, steps: [] }
  const present = existsSync(join(dir, 'lib', libraryName('torch_cpu'))) ? readVersion(dir) : undefined
  if (present !== undefined) plan.present = present
  plan.steps = isPresent(plan, options) ? [`nothing: LibTorch ${present} is in ${dir}`] : await stepsOf(plan, options)
  return plan
}

async function stepsOf(plan: InstallPlan, options: InstallOptions): Promise<string[]> {
  const steps: string[] = []
  if (options.from !== undefined) steps.push(`take ${options.from}`)
  for (const source of options.from === undefined ? await sources(plan, options) : []) {
    steps.push(`${steps.length === 0 ? '' : 'if that has none: '}${source.text}`)
  }
  const replacing = plan.present === undefined ? '' : ` in place of LibTorch ${plan.present}`
  return [...steps, `unpack libraries, headers and licences to ${plan.dir}${replacing}`]
}

/**
 * Installs LibTorch.
 * @returns the plan that was carried out
 * @throws {@link LibTorchError} `ERR_LIBTORCH_INSTALL`
 */
export async function install(options: InstallOptions = {}): Promise<InstallPlan> {
  const { dir } = await planInstall(options)
  const report = options.report ?? silent
  refuseForeign(dir)
  try {
    mkdirSync(dirname(dir), { recursive: true })
    return await withLock(
      `${dir}.lock`,
      async () => {
        // looked at again, as another process may have done it while this one waited
        const plan = await planInstall(options)
        if (!isPresent(plan, options)) await fetchAndUnpack(plan, options, report)
        return plan
      },
      { onWait: (owner) => report.step(`another installation is running (${owner}): waiting for it`) },
    )
  } catch (error) {
    if (error instanceof LibTorchError) throw error
    if (isFull(error)) throw diskFull(dirname(dir), 'while unpacking', error)
    const { message, code = '' } = error as NodeJS.ErrnoException
    const refused = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR'].includes(code) && !isWritable(dirname(dir))
    const advice = refused ? '\nChoose a folder that can be written to with --dir FOLDER, and set LIBTORCH to it.' : ''
    throw new LibTorchError('ERR_LIBTORCH_INSTALL', `LibTorch could not be installed in ${dir}: ${message}${advice}`, {
      cause: error,
    })
  }
}

async function fetchAndUnpack(plan: InstallPlan, options: InstallOptions, report: Reporter): Promise<void> {
  const { dir } = plan
  const parent = dirname(dir)
  // left by an installation that was killed; ours alone, as we hold the lock
  for (const name of readdirSync(parent)) {
    if (name.startsWith(`${basename(dir)}.new-`) || name.startsWith(`${basename(dir)}.old-`))
      rmSync(join(parent, name), { recursive: true })
  }
  const fetched = `${dir}.download`
  const fresh = `${dir}.new-${process.pid}`
  try {
    const archives =
      options.from === undefined ? await fetchWheels(plan, options, fetched, report) : [resolve(options.from)]
    for (const archive of archives) {
      report.step(`unpacking ${basename(archive)}`)
      await unpack(archive, fresh, report)
    }
    finish(plan, fresh)
    swap(fresh, dir)
    if (options.keepWheel !== undefined) keep(archives[0]!, options.keepWheel)
    rmSync(fetched, { recursive: true, force: true })
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    // a part that a later run can continue stays, anything else goes
    if (existsSync(fetched) && !readdirSync(fetched).some((name) => name.endsWith('.part')))
      rmSync(fetched, { recursive: true })
    throw error
  }
}

interface WheelSource {
  text: string
  fetch(folder: string, report: Reporter): Promise<string[]>
}

/** Where wheels come from: pip with its own indexes, pip with PyTorch's, then PyTorch's over HTTPS. */
async function sources({ version, build, release }: InstallPlan, options: InstallOptions): Promise<WheelSource[]> {
  const pip = options.pip === false ? undefined : await findPip(release.python)
  const index = options.indexUrl ?? officialIndex(build)
  const cuda = build !== 'cpu'
  const byPip = (command: Pip, indexUrl?: string): WheelSource => {
    const download = { pip: command, requirements: [`torch==${version}`], dependencies: cuda, python: release.python }
    const words = (folder: string, report: Reporter) => ({
      ...download,
      folder,
      report,
      ...(indexUrl ? { indexUrl } : {}),
    })
    return {
      text:
        pipCommand(words('FOLDER', silent))
          .slice(0, command.length + 2)
          .join(' ') + (indexUrl ? ` --index-url ${indexUrl}` : ''),
      fetch: (folder, report) => pipDownload(words(folder, report)),
    }
  }
  const found: WheelSource[] = []
  if (pip && options.indexUrl === undefined) found.push(byPip(pip))
  if (pip) found.push(byPip(pip, index))
  // NVIDIA's libraries are some fifteen wheels more; only pip knows which versions of them belong together
  if (!cuda)
    found.push({
      text: `download torch ${version} from ${index}`,
      fetch: (folder, report) => byHttps(index, version, release, folder, report),
    })
  if (found.length === 0) {
    throw installError(
      "the CUDA build needs pip, as NVIDIA's libraries are packages of their own: install Python with pip and run it again",
    )
  }
  return found
}

async function byHttps(
  index: string,
  version: string,
  release: LibTorchRelease,
  folder: string,
  report: Reporter,
): Promise<string[]> {
  const link = await findWheel(index, version, release.python)
  const file = join(folder, link.file)
  report.step(`downloading ${link.file}`)
  await download(link.url, file, { sha256: link.sha256, report })
  return [file]
}

async function fetchWheels(
  plan: InstallPlan,
  options: InstallOptions,
  folder: string,
  report: Reporter,
): Promise<string[]> {
  const kept = keptWheel(plan, options)
  if (kept !== undefined) return [kept]
  const errors: Error[] = []
  for (const source of await sources(plan, options)) {
    try {
      report.step(source.text)
      const wheels = await source.fetch(folder, report)
      const usable = wheels.filter((file) => /^(torch|nvidia)[-_]/.test(basename(file)))
      return usable.sort((a, b) => Number(basename(b).startsWith('torch-')) - Number(basename(a).startsWith('torch-')))
    } catch (error) {
      if (isFull(error) || !(error instanceof Error)) throw error
      errors.push(error)
    }
  }
  throw new LibTorchError(
    'ERR_LIBTORCH_INSTALL',
    [
      `torch ${plan.version} could not be fetched:`,
      ...errors.map((error) => `  ${error.message}`),
      'Without a network: fetch the wheel elsewhere and run libtorch-node install --from FILE.',
    ].join('\n'),
    { cause: errors.length > 1 ? new AggregateError(errors) : errors[0] },
  )
}

/** Checks what was unpacked, and writes its version where it can be read without Python. */
function finish(plan: InstallPlan, fresh: string): void {
  const library = join('lib', libraryName('torch_cpu'))
  if (!existsSync(join(fresh, library)))
    throw installError(`the archive has no ${library}: it is for another platform, or no LibTorch`)
  const file = join(fresh, 'build-version')
  if (existsSync(file)) return
  const header = readVersion(fresh)
  // the header has no build, the name of the wheel has; where they disagree the header is right
  writeFileSync(file, `${header !== undefined && !plan.version.startsWith(header) ? header : plan.version}\n`)
}

/** Puts `fresh` where `dir` is. */
function swap(fresh: string, dir: string): void {
  if (!existsSync(dir)) {
    renameSync(fresh, dir)
    return
  }
  const old = `${dir}.old-${process.pid}`
  renameSync(dir, old)
  try {
    renameSync(fresh, dir)
  } catch (error) {
    renameSync(old, dir)
    throw error
  }
  rmSync(old, { recursive: true, force: true })
}

function keep(wheel: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  const target = join(folder, basename(wheel))
  if (resolve(wheel) === resolve(target)) return
  try {
    renameSync(wheel, target)
  } catch {
    // another file system; under a temporary name, as a cut copy must not look like a wheel
    copyFileSync(wheel, `${target}.part`)
    renameSync(`${target}.part`, target)
  }
}

function keptWheel({ version }: InstallPlan, { keepWheel }: InstallOptions): string | undefined {
  if (keepWheel === undefined || !existsSync(keepWheel)) return undefined
  const name = readdirSync(keepWheel).find((file) => file.endsWith('.whl') && wheelFileVersion(file) === version)
  return name === undefined ? undefined : join(keepWheel, name)
}

/** True when the folder holds what is asked for, and the wheel is where it should stay. */
function isPresent(plan: InstallPlan, options: InstallOptions): boolean {
  const { present, version } = plan
  if (present === undefined || options.from !== undefined) return false
  const same =
    present === version || (buildOf(present) === '' && present === plan.release.version && plan.build === 'cpu')
  return same && (options.keepWheel === undefined || keptWheel(plan, options) !== undefined)
}

/** A folder is replaced as a whole, so it must not be one with other things in it. */
function refuseForeign(dir: string): void {
  if (!existsSync(dir)) return
  if (!statSync(dir).isDirectory()) throw installError(`${dir} is not a folder`)
  if (readdirSync(dir).length > 0 && !existsSync(join(dir, 'build-version'))) {
    throw installError(`${dir} holds other files; name a folder that is empty or does not exist yet`)
  }
}

function installError(message: string): LibTorchError {
  return new LibTorchError('ERR_LIBTORCH_INSTALL', message)
}
