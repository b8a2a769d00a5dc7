#!/usr/bin/env node
/** `libtorch-node`: one file of this folder for each command. Must start where no LibTorch and no addon is. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { buildCommand } from './build.js'
import { convertCommand } from './convert.js'
import { curvesCommand } from './curves.js'
import { diffCommand } from './diff.js'
import { doctorCommand } from './doctor.js'
import { extractCommand } from './extract.js'
import { inspectCommand } from './inspect.js'
import { installCommand } from './install.js'
import { stripPrefixCommand } from './strip-prefix.js'
import { printableLines } from './text.js'
import { verifyCommand } from './verify.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('libtorch-node')
  .description(
    'LibTorch for Node.js: fetch it, see what is there, look into checkpoints, change their form, draw how a run went.',
  )
  .version(version)
  .showSuggestionAfterError()
  .showHelpAfterError('(libtorch-node --help lists the commands)')
  .exitOverride()
const commands = [
  installCommand(),
  doctorCommand(),
  buildCommand(),
  inspectCommand(),
  diffCommand(),
  convertCommand(),
  extractCommand(),
  stripPrefixCommand(),
  verifyCommand(),
  curvesCommand(),
]
for (const command of commands) {
  program.addCommand(command.copyInheritedSettings(program))
}

// `libtorch-node inspect … | head` closes the pipe when it has enough
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

/** Exit codes: 0 done, 1 it failed and the message says why, 2 the command line is wrong. */
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    const { code, message } = error as NodeJS.ErrnoException
    // an expected failure is its message; anything else is a fault of ours and keeps its stack
    console.error(code === undefined ? error : `libtorch-node: ${printableLines(message)}\n(${code})`)
    process.exitCode = 1
  }
}
