/** `libtorch-node verify` */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { ArgumentError } from '../errors.js'
import { bytesText, printable, printableJson, several } from './text.js'

interface Verified {
  path: string
  files: number
  bytes: number
  epoch?: number
  step?: number
  metrics?: Record<string, number>
  notes: string[]
  problem?: string
}

/** The command `verify`. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare every byte of checkpoints with the checksums that were written with them')
    .argument('<folder>', 'a folder of checkpoints, or one file')
    .option('--json', 'as JSON')
    .action(async (path: string, { json }: { json?: boolean }) => {
      const found = statSync(path).isDirectory() ? await verifyFolder(path) : [await verifyFile(path)]
      if (json) console.log(printableJson(found))
      else for (const each of found) console.log(lineOf(each))
      const damaged = found.filter(({ problem }) => problem !== undefined).length
      if (!json)
        console.log(`\n${several(found.length, 'checkpoint')}: ${damaged === 0 ? 'all whole' : `${damaged} damaged`}`)
      if (damaged > 0) process.exitCode = 1
    })
}

/** The checkpoints of a folder, and other files of PyTorch in it. */
async function verifyFolder(folder: string): Promise<Verified[]> {
  const { CheckpointManager } = await import('../index.js')
  const list = new CheckpointManager(folder, { lock: false }).list({ verify: 'crc' })
  const found = list.map(({ path, files, bytes, epoch, step, metrics, damaged, ...entry }): Verified => {
    const notes = (['latest', 'pinned', 'superseded'] as const).filter((name) => entry[name])
    const place = { epoch, ...(step !== undefined && { step }) }
    return {
      path,
      files: files.length,
      bytes,
      ...place,
      metrics,
      notes,
      ...(damaged !== undefined && { problem: damaged }),
    }
  })
  const seen = new Set(list.flatMap(({ files }) => files.map((file) => basename(file))))
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    if (seen.has(name) || !/^[^.].*\.(pth?|ckpt)$/.test(name) || !statSync(path).isFile()) continue
    found.push(await verifyFile(path))
  }
  if (found.length > 0) return found
  throw new ArgumentError(
    `${folder} has no checkpoints: neither checkpoint_epoch_N.pth nor other .pth, .pt or .ckpt files`,
  )
}

async function verifyFile(path: string): Promise<Verified> {
  const { verifyCheckpoint } = await import('../checkpoint/label.js')
  const found: Verified = { path, files: 1, bytes: existsSync(path) ? statSync(path).size : 0, notes: [] }
  try {
    if (!verifyCheckpoint(path)) found.notes.push('without checksums')
  } catch (error) {
    found.problem = (error as Error).message
  }
  return found
}

function lineOf({ path, files, bytes, epoch, step, metrics = {}, notes, problem }: Verified): string {
  const values = Object.entries(metrics).map(([name, value]) => `${name} ${value}`)
  const place = epoch === undefined ? [] : [`epoch ${epoch}${step === undefined ? '' : `, step ${step}`}`]
  const facts = [...place, ...values, ...(files > 1 ? [several(files, 'file')] : []), bytesText(bytes), ...notes]
  const line = `${problem === undefined ? 'ok      ' : 'DAMAGED '} ${basename(path)}  ${facts.join('  ')}`
  return printable(line) + (problem === undefined ? '' : `\n         ${printable(problem)}`)
}
