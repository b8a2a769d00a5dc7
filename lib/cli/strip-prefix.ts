/** `libtorch-node strip-prefix` */
import { Command } from 'commander'
import { checkTarget, loadFile, saveFile, type Target } from './files.js'

interface Flags extends Target {
  prefix?: string[]
}

/** The command `strip-prefix`. */
export function stripPrefixCommand(): Command {
  return new Command('strip-prefix')
    .description("take 'module.' off the keys of the state dicts in a checkpoint, as DataParallel puts it there")
    .argument('<from>', 'a checkpoint of any format')
    .argument('<to>', 'the file to write')
    .option('--prefix <text>', "another prefix, such as '_orig_mod.'; may be given several times", collect)
    .option(
      '--format <name>',
      "a format of torch.save, such as 'pytorch' or 'safetensors'; by default the name says it",
    )
    .option('--force', 'replace a file that is there')
    .action(async (from: string, to: string, { prefix = ['module.'], ...target }: Flags) => {
      checkTarget(to, target)
      const { stripPrefixes } = await import('./prefixes.js')
      await saveFile(stripPrefixes(await loadFile(from), prefix, from), to, target)
    })
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}
