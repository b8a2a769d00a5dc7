/** `libtorch-node doctor` */
import { Command } from 'commander'
import { loadProblems, native } from '../binding.js'
import { coreAddons, loaderAddon, platformName } from '../libtorch/addons.js'
import { describePlace, type Place, searchLibTorch, waysOut } from '../libtorch/find.js'
import { findPip } from '../libtorch/pip.js'
import { cacheDir, isWritable } from '../libtorch/places.js'
import { reference, releases } from '../libtorch/versions.js'
import { cpuCapability } from './cpu.js'

/** What the command finds; `--json` prints it. */
export interface Report {
  ok: boolean
  platform: string
  node: string
  /** `'avx512'`, `'avx2'`, `'default'`: the kernels that LibTorch will choose; null when that cannot be told */
  cpuCapability: string | null
  addon: { loader: string | null; core: { path: string; minor: string; prebuilt: boolean }[] }
  libtorch: { version: string; dir: string; source: string } | null
  places: Place[]
  /** The folder that `install` fills, and whether it can. */
  cache: { dir: string; writable: boolean }
  /** What the addon says once it is loaded. */
  loaded: { libtorch: string; builtFor: string } | null
  /** Libraries that could not be opened, but are not needed by everyone. */
  problems: string[]
  pip: string | null
  /** Why it is not ok, and what to do; empty when it is. */
  advice: string[]
}

/** The command `doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what is found here: addon, LibTorch, versions, CPU, Python; and what to do')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const report = await examine()
      console.log(json ? JSON.stringify(report, null, 2) : text(report))
      if (!report.ok) process.exitCode = 1
    })
}

async function examine(): Promise<Report> {
  const core = coreAddons()
  const loader = loaderAddon() ?? null
  const { found, places } = searchLibTorch()
  const cache = cacheDir(releases.find(({ minor }) => minor === core[0]?.minor)?.version ?? reference.version)
  const report: Report = {
    ok: true,
    platform: platformName(),
    node: process.version,
    cpuCapability: cpuCapability() ?? null,
    addon: { loader, core },
    libtorch: found ? { version: found.version, dir: found.dir, source: found.source } : null,
    places,
    cache: { dir: cache, writable: isWritable(cache) },
    loaded: null,
    problems: [],
    pip: (await findPip(reference.python))?.join(' ') ?? null,
    advice: [],
  }
  if (!loader || core.length === 0) {
    report.advice.push(
      `No addon for ${report.platform}. Build it: npx libtorch-node build (needs CMake and a C++20 compiler).`,
    )
  }
  if (!found) {
    report.advice.push(...waysOut(core[0]?.minor ?? reference.minor))
    if (!report.cache.writable)
      report.advice.push(
        `The user cache ${cache} cannot be written: give install another folder with --dir FOLDER, and set LIBTORCH to it.`,
      )
    report.advice.push('Without a network: fetch the wheel elsewhere, and run npx libtorch-node install --from FILE.')
  }
  if (report.advice.length === 0) {
    try {
      report.loaded = native().version()
      report.problems = loadProblems().map((error) => error.message)
    } catch (error) {
      report.advice.push((error as Error).message)
    }
  }
  report.ok = report.advice.length === 0
  return report
}

function text(report: Report): string {
  const { addon, libtorch, loaded } = report
  const cores = addon.core.map(
    ({ path, minor, prebuilt }) => `${path} for LibTorch ${minor}${prebuilt ? ', prebuilt' : ', built here'}`,
  )
  const rows: [string, string[]][] = [
    ['platform', [report.platform]],
    ['Node.js', [report.node]],
    ['CPU', [report.cpuCapability ?? 'capability unknown']],
    ['addon', addon.loader && cores.length > 0 ? [addon.loader, ...cores] : ['none found']],
    ['LibTorch', [libtorch ? `${libtorch.version} in ${libtorch.dir}` : 'none that fits']],
    ['looked at', report.places.map(describePlace)],
    ['user cache', [`${report.cache.dir}${report.cache.writable ? '' : ' (cannot be written)'}`]],
    ['loaded', [loaded ? `LibTorch ${loaded.libtorch}, addon built for ${loaded.builtFor}` : 'no']],
    ['problems', report.problems],
    ['pip', [report.pip ?? 'none: install downloads over HTTPS']],
  ]
  const lines = rows.flatMap(([name, values]) =>
    values.map((value, i) => `${(i === 0 ? name : '').padEnd(12)}${value}`),
  )
  return [...lines, '', ...(report.ok ? ['All is well.'] : ['To do:', ...report.advice])].join('\n')
}
