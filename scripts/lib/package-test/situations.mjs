/** Machines that lack something, or have it elsewhere: what a first program and `doctor` say on each. */
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'
import { expect, makeMachine } from './machine.mjs'

const environment = join(root, '.venv')
/** Not the user who runs the tests, who may be root and write everywhere. */
const nobody = 65534

const trained = { says: ["equal to Python's"] }
const well = { says: ['All is well.'] }
const waysOut = ['npx libtorch-node install --cpu', 'pip install torch==2.13', 'LIBTORCH=/path/to/libtorch']

/**
 * @param {{work: string, app: string, runtime: string, libtorch: string, wheel: string}} at - `app`: a project that has the package;
 *   `libtorch`: what was installed
 * @returns checks, `[name, run]`
 */
export function situations({ work, app, runtime, libtorch, wheel }) {
  let count = 0
  /** A machine without any LibTorch, and its two commands. */
  const fresh = (options) => {
    const machine = makeMachine(join(work, `machine-${++count}`), { runtime, ...options })
    const train = (env, more) => machine.run(['node', 'train.mjs'], { cwd: app, env, ...more })
    const cli = (args, env, more) =>
      machine.run([`${app}/node_modules/.bin/libtorch-node`, ...args], { cwd: app, env, ...more })
    return { ...machine, train, cli, doctor: (env, more) => cli(['doctor'], env, more) }
  }
  /** A first program fails with `code` and these words, and `doctor` says what is the matter. */
  const explained = ({ train, doctor }, env, code, words, more) => {
    expect(train(env, more), { code: 1, says: [code, ...words] })
    expect(doctor(env, more), { code: 1, says: [...words, 'To do:'] })
  }
  /** A folder of the project for the time of a check. */
  const during = (path, run) => {
    try {
      run()
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  }
  const folder = (...path) => {
    const dir = join(work, ...path)
    mkdirSync(dir, { recursive: true })
    return dir
  }
  /** Looks like a LibTorch of that version, and is none. */
  const madeUp = (dir, version) => {
    mkdirSync(join(dir, 'lib'), { recursive: true })
    writeFileSync(join(dir, 'lib', 'libtorch_cpu.so'), 'not a library')
    writeFileSync(join(dir, 'version.py'), `__version__ = '${version}'\n`)
    return dir
  }

  return [
    [
      'LIBTORCH is set',
      () => {
        const { train, doctor } = fresh()
        expect(train({ LIBTORCH: libtorch }), trained)
        expect(doctor({ LIBTORCH: libtorch }), { says: [`LIBTORCH: ${libtorch} (used, 2.13.`, ...well.says] })
      },
    ],
    [
      'LIBTORCH leads nowhere',
      () =>
        explained(fresh(), { LIBTORCH: '/nowhere' }, 'ERR_LIBTORCH_NOT_FOUND', [
          '/nowhere (no such folder)',
          ...waysOut,
        ]),
    ],
    [
      'a Python environment with torch is active',
      () => {
        const { train, doctor } = fresh()
        expect(train({ VIRTUAL_ENV: environment }), trained)
        expect(doctor({ VIRTUAL_ENV: environment }), {
          says: [/Python: \S+\.venv\/.*\/torch \(used, 2\.13\./, ...well.says],
        })
      },
    ],
    [
      'the project has a .venv with torch',
      () => {
        const link = join(app, '.venv')
        symlinkSync(environment, link)
        during(link, () => {
          const { train, doctor } = fresh()
          expect(train(), trained)
          expect(doctor(), { says: [/Python: .*\/torch \(used, 2\.13\./, ...well.says] })
        })
      },
    ],
    [
      'LIBTORCH has another version',
      () => {
        const LIBTORCH = madeUp(folder('libtorch-2.9'), '2.9.1')
        explained(fresh(), { LIBTORCH }, 'ERR_LIBTORCH_VERSION', [/version 2\.9\.1, needed 2\.13/, ...waysOut])
      },
    ],
    [
      'the Python torch has another version',
      () => {
        const VIRTUAL_ENV = folder('environment')
        madeUp(folder('environment', 'lib', 'python3.11', 'site-packages', 'torch'), '2.9.1+cpu')
        explained(fresh(), { VIRTUAL_ENV }, 'ERR_LIBTORCH_VERSION', [/version 2\.9\.1\+cpu, needed 2\.13/, ...waysOut])
      },
    ],
    [
      'LIBTORCH holds broken libraries',
      () => {
        const LIBTORCH = madeUp(folder('broken'), '2.13.0')
        explained(fresh(), { LIBTORCH }, 'ERR_LIBTORCH_NOT_FOUND', [/could not be loaded:\n.*libtorch_cpu\.so/])
      },
    ],
    [
      'the home folder is read-only',
      () => {
        const machine = fresh({ copy: true })
        chmodSync(machine.home, 0o555)
        const more = process.getuid() === 0 ? { user: nobody } : {}
        explained(machine, {}, 'ERR_LIBTORCH_NOT_FOUND', waysOut, more)
        expect(machine.doctor({}, more), { code: 1, says: ['(cannot be written)', '--dir'] })
        expect(machine.cli(['install', '--cpu'], {}, more), { code: 1, says: ['ERR_LIBTORCH_INSTALL', '--dir'] })
        expect(machine.train({ LIBTORCH: libtorch }, more), trained)
      },
    ],
    [
      'offline: pip and HTTPS fail, a wheel that was carried there works',
      () => {
        const machine = fresh({ pip: true })
        const refusing = 'http://127.0.0.1:9'
        const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, refusing])
        const pip = { PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_RETRIES: '0', PIP_DEFAULT_TIMEOUT: '5' }
        const env = { ...Object.fromEntries(proxies), NO_PROXY: '', no_proxy: '', ...pip }
        expect(machine.cli(['install', '--cpu'], env), {
          code: 1,
          says: ['could not be fetched:', 'pip: ', 'could not be reached', '--from FILE', 'ERR_LIBTORCH_INSTALL'],
        })
        explained(machine, env, 'ERR_LIBTORCH_NOT_FOUND', waysOut)
        expect(machine.doctor(env), { code: 1, says: ['Without a network', '--from FILE'] })
        const LIBTORCH = join(work, 'carried')
        during(LIBTORCH, () => {
          expect(machine.cli(['install', '--cpu', '--from', wheel, '--dir', LIBTORCH], env), { says: ['is installed'] })
          expect(machine.train({ ...env, LIBTORCH }), trained)
        })
      },
    ],
    [
      'no Python: doctor says that install downloads over HTTPS',
      () => expect(fresh().doctor(), { code: 1, says: [/pip +none: install downloads over HTTPS/, ...waysOut] }),
    ],
    [
      'no addon for this platform, and no compiler',
      () => {
        // a copy, as the others need theirs
        const other = folder('other platform')
        cpSync(app, other, { recursive: true, verbatimSymlinks: true })
        for (const part of ['loader', 'torch-2.13', 'torch-2.14', 'torch-2.15'])
          rmSync(join(other, 'node_modules', 'libtorch-node', 'native', part, 'prebuilds'), {
            recursive: true,
            force: true,
          })
        during(other, () => {
          const { run } = fresh()
          const options = { cwd: other, env: { LIBTORCH: libtorch } }
          const words = ['compiler', 'CMake']
          expect(run(['node', 'train.mjs'], options), {
            code: 1,
            says: ['ERR_PLATFORM', 'no prebuilt addon', ...words],
          })
          const cli = join(other, 'node_modules', '.bin', 'libtorch-node')
          expect(run([cli, 'doctor'], options), { code: 1, says: [/addon +none found/, 'No addon for', ...words] })
          expect(run([cli, 'build'], options), { code: 1, says: ['CMake >= 3.18 is needed'] })
        })
      },
    ],
  ]
}
