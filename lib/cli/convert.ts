/** `libtorch-node convert` */
import { Command } from 'commander'
import { ArgumentError } from '../errors.js'
import { checkTarget, loadFile, saveFile, type Target } from './files.js'

/** The command `convert`. */
export function convertCommand(): Command {
  return new Command('convert')
    .description('write a checkpoint in another format')
    .argument('<from>', 'a checkpoint of any format')
    .argument('<to>', 'the file to write; .safetensors in its name chooses that format')
    .option(
      '--format <name>',
      "a format of torch.save, such as 'pytorch' or 'safetensors'; by default the name says it",
    )
    .option('--force', 'replace a file that is there')
    .action(async (from: string, to: string, target: Target) => {
      checkTarget(to, target)
      const value = await loadFile(from)
      try {
        await saveFile(value, to, target)
      } catch (error) {
        const tensorsAlone = (target.format ?? to).endsWith('safetensors')
        throw (tensorsAlone && (await holdsStateDict(error, value, from, to))) || error
      }
    })
}

/** What to do where a format holds tensors alone, and the file holds more beside them. */
async function holdsStateDict(error: unknown, value: unknown, from: string, to: string): Promise<Error | undefined> {
  const { TorchError, toStateDict } = await import('../index.js')
  if (!(error instanceof TorchError) || error.code !== 'ERR_ARGUMENT') return undefined
  try {
    if (toStateDict(value) === value) return undefined
  } catch {
    return undefined
  }
  const way = `its state dict alone can be: libtorch-node extract ${from} ${to}`
  return new ArgumentError(`${error.message}\n${way}`, { cause: error })
}
