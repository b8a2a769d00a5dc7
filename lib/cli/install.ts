/** `libtorch-node install` */
import { Command, InvalidArgumentError, Option } from 'commander'
import { barReporter } from '../download/bar.js'
import { type InstallOptions, install, planInstall } from '../libtorch/install.js'
import { releases } from '../libtorch/versions.js'

interface Flags {
  cpu?: boolean
  cuda?: string | true
  dir?: string
  from?: string
  indexUrl?: string
  keepWheel?: string
  pip: boolean
  dryRun?: boolean
}

/** The command `install`. */
export function installCommand(): Command {
  return new Command('install')
    .description('fetch LibTorch and unpack it for this package: about 190 MB for the CPU build')
    .addOption(new Option('--cpu', 'the build for the CPU (the default)').conflicts('cuda'))
    .option('--cuda [build]', 'the build for NVIDIA GPUs, such as cu130; some gigabytes, needs pip', cudaBuild)
    .option('--dir <folder>', 'the folder to fill, instead of the user cache; set LIBTORCH to it afterwards')
    .option('--from <file>', 'a wheel of torch or a LibTorch zip that is here already')
    .option('--index-url <url>', 'the Python package index to ask, instead of those of pip and of PyTorch')
    .option('--keep-wheel <folder>', 'keep the wheel there')
    .option('--no-pip', 'do not use pip: download over HTTPS')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(async (flags: Flags) => {
      if (flags.dryRun) return dryRun(flags)
      const report = barReporter()
      let plan: Awaited<ReturnType<typeof install>>
      try {
        plan = await install({ ...optionsOf(flags), report })
      } finally {
        report.end()
      }
      const news = plan.steps[0]?.startsWith('nothing') ? 'is there already' : 'is installed'
      console.log(`LibTorch ${plan.version} ${news}: ${plan.dir}`)
    })
}

async function dryRun(flags: Flags): Promise<void> {
  const plan = await planInstall(optionsOf(flags))
  console.log(`LibTorch ${plan.version}:`)
  for (const step of plan.steps) console.log(`  ${step}`)
}

function optionsOf({ cuda, dir, from, indexUrl, keepWheel, pip }: Flags): InstallOptions {
  const options: InstallOptions = { pip }
  if (cuda !== undefined) options.build = cuda === true ? releases[0]!.cuda[0]! : cuda
  if (dir !== undefined) options.dir = dir
  if (from !== undefined) options.from = from
  if (indexUrl !== undefined) options.indexUrl = indexUrl
  if (keepWheel !== undefined) options.keepWheel = keepWheel
  return options
}

function cudaBuild(text: string): string {
  if (!/^cu\d{3}$/.test(text)) {
    throw new InvalidArgumentError(`A CUDA build is named like ${releases[0]!.cuda.join(' or ')}.`)
  }
  return text
}
