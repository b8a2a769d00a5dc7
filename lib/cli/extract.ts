/** `libtorch-node extract` */
import { Command } from 'commander'
import { checkTarget, loadFile, saveFile, type Target } from './files.js'

/** The command `extract`. */
export function extractCommand(): Command {
  return new Command('extract')
    .description('write the state dict that a checkpoint or a whole model holds')
    .argument('<from>', 'a checkpoint of any format')
    .argument('<to>', 'the file to write')
    .option('--key <key>', 'where in the checkpoint it is; by default it is found')
    .option(
      '--format <name>',
      "a format of torch.save, such as 'pytorch' or 'safetensors'; by default the name says it",
    )
    .option('--force', 'replace a file that is there')
    .action(async (from: string, to: string, { key, ...target }: Target & { key?: string }) => {
      checkTarget(to, target)
      const { toStateDict } = await import('../index.js')
      await saveFile(toStateDict(await loadFile(from), key === undefined ? {} : { key }), to, target)
    })
}
