/** Fetches each LibTorch that an addon is built for into .libtorch/, which is a LibTorch with headers afterwards. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { Failure, libtorchModule, root } from './run.mjs'

const report = { terminal: false, step: console.log, progress() {} }

/** The folder of the release's LibTorch: the CPU build of the reference, of the others what the package index has. */
export async function fetchForBuild(release, isReference) {
  const dir = join(root, '.libtorch', release.version)
  if (hasHeaders(dir)) return dir
  if (!isReference) return fetchByPip(`torch==${release.version}`, release, dir)
  const { install } = await libtorchModule('install')
  await install({ build: 'cpu', dir, report })
  return dir
}

/** The CUDA build of a release; on a machine without a GPU it computes on the CPU. */
export async function fetchCuda(release) {
  const dir = join(root, '.libtorch', `${release.version}-cuda`)
  // `===`: the version of the package index alone, and no build of another index
  return hasHeaders(dir) ? dir : fetchByPip(`torch===${release.version}`, release, dir)
}

/** Of NVIDIA's libraries, gigabytes in all, torch_cpu needs but two: with these a CUDA build computes on the CPU. */
async function fetchByPip(requirement, { python }, dir) {
  const { findPip, pipDownload } = await libtorchModule('pip')
  const { install } = await libtorchModule('install')
  const { unpack } = await libtorchModule('unpack')
  const pip = await findPip(python)
  if (!pip) throw new Failure(`pip is needed to fetch ${requirement} (Debian: apt-get install python3-pip)`)
  const fetched = `${dir}.download`
  const download = (requirement, folder, dependencies = false) =>
    pipDownload({ pip, requirements: [requirement], folder: join(fetched, folder), dependencies, python, report })
  const fresh = `${dir}.part`
  try {
    report.step(`fetching ${requirement}, about 550 MB`)
    const [wheel] = await download(requirement, 'torch')
    const toolkit = /^Requires-Dist: cuda-toolkit\[.*\]\s*(==[\w.]+)/m.exec(await metadata(wheel))?.[1]
    const nvidia = toolkit ? await download(`cuda-toolkit[cudart,cupti]${toolkit}`, 'nvidia', true) : []
    report.step(`unpacking ${basename(wheel)}`)
    await install({ from: wheel, dir: fresh, report })
    for (const file of nvidia) if (/^nvidia[-_]/.test(basename(file))) await unpack(file, fresh, report)
    renameSync(fresh, dir)
  } finally {
    rmSync(fetched, { recursive: true, force: true })
    rmSync(fresh, { recursive: true, force: true })
  }
  return dir
}

/** What a wheel says about itself. */
async function metadata(wheel) {
  const zip = await yauzl.openPromise(wheel, { autoClose: false })
  try {
    for await (const entry of zip.eachEntry())
      if (/^[^/]+\.dist-info\/METADATA$/.test(entry.fileName)) return await text(await zip.openReadStreamPromise(entry))
    throw new Failure(`${wheel} has no METADATA`)
  } finally {
    zip.close()
  }
}

const hasHeaders = (dir) => existsSync(join(dir, 'include', 'ATen', 'ATen.h'))
