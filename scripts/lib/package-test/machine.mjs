/** A made-up machine: a PATH of its own with a runtime and no compiler, a home of its own, nothing else of this one's environment. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Failure, root, which } from '../run.mjs'
import { kept } from './runtimes.mjs'

export const python = 'python3.11'

/** A shell, and what the commands that pnpm writes start. */
const systemCommands = ['sh', 'sed', 'dirname', 'uname']

/**
 * Makes a machine in `folder`.
 * @param {{runtime: string, pip?: boolean, links?: Record<string, string>, copy?: boolean}} options - `pip`: with a Python that has pip and no
 *   torch; `copy`: a copy of the runtime, for a user who cannot read ours
 */
export function makeMachine(folder, { runtime, pip = false, links = {}, copy = false }) {
  const [bin, home] = [join(folder, 'bin'), join(folder, 'home')]
  for (const path of [bin, home]) mkdirSync(path, { recursive: true })
  const name = runtime.endsWith('bun') ? 'bun' : 'node'
  if (copy) copyFileSync(runtime, join(bin, name))
  else symlinkSync(runtime, join(bin, name))
  for (const command of systemCommands) symlinkSync(which(command), join(bin, command))
  for (const [command, target] of Object.entries({ ...npmCommands(), ...links }))
    symlinkSync(target, join(bin, command))
  if (pip) symlinkSync(pipsPython(), join(bin, python))
  return { bin, home, run: (command, options) => run(bin, home, command, options) }
}

/** Runs a command to its end. */
function run(bin, home, [program, ...args], { cwd, env = {}, user } = {}) {
  const path = program.includes('/') ? program : join(bin, program)
  const { status, signal, stdout, stderr, error } = spawnSync(path, args, {
    cwd,
    env: { ...environment(), PATH: bin, HOME: home, ...env },
    encoding: 'utf8',
    // far above what any takes on a machine that does nothing else
    timeout: 900_000,
    maxBuffer: 2 ** 26,
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  const ended = signal ? `ended by ${signal}` : `exit code ${status}`
  return { status, output: stdout + stderr + (error ? `\n${error.message}` : ''), ended, command: [program, ...args] }
}

/**
 * What a command needs to reach the network as this machine does: its settings of proxies, certificates, npm and pip. npm
 * gives its scripts more, which is about this repository.
 */
function environment() {
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(LANG|TMPDIR|.*_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_.*|PIP_.*)$/i.test(name),
  )
  return {
    ...Object.fromEntries(passed),
    PIP_FIND_LINKS: [process.env.PIP_FIND_LINKS, wheels].filter(Boolean).join(' '),
    npm_config_userconfig: process.env.npm_config_userconfig ?? join(homedir(), '.npmrc'),
    npm_config_cache: join(kept, 'npm-cache'),
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  }
}

/** Where the repository keeps the wheel of its LibTorch; pip takes it from there as it takes one from an index. */
export const wheels = join(root, '.libtorch', 'wheels')

function npmCommands() {
  const npm = process.env.npm_execpath ?? which('npm')
  const folder = dirname(realpathSync(npm))
  if (!existsSync(join(folder, 'npm-cli.js'))) throw new Failure(`${npm} is no npm; start this by npm run test:package`)
  return { npm: join(folder, 'npm-cli.js'), npx: join(folder, 'npx-cli.js') }
}

/** The interpreter itself: the command may be a script that chooses one, or that of a virtual environment. */
function pipsPython() {
  const print = 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
  const { status, stdout } = spawnSync(python, ['-c', print], { encoding: 'utf8' })
  if (status !== 0) throw new Failure(`this needs ${python} with pip, as a user's machine has it`)
  return realpathSync(stdout.trim())
}

/** Fails unless a command ended as it should and said what it should. */
export function expect({ status, output, ended, command }, { code = 0, says = [], not = [] } = {}) {
  const problems = []
  if (status !== code) problems.push(`${ended}, expected ${code}`)
  const saysIt = (text) => (text instanceof RegExp ? text.test(output) : output.includes(text))
  for (const text of says) if (!saysIt(text)) problems.push(`does not say: ${text}`)
  for (const text of not) if (saysIt(text)) problems.push(`says: ${text}`)
  if (problems.length > 0)
    throw new Failure(`${command.join(' ')}\n${problems.join('\n')}\nits output:\n${output.trim().slice(-3000)}`)
}
