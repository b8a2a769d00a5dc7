#!/usr/bin/env bash
# scripts/check-native.sh FILE...: compiles C++ files for their errors and warnings only, with the flags of the real build.
# Makes no output and takes no lock. With a configured build/ it uses its precompiled header.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
flags=$(node - "$root" <<'JS'
const { existsSync, readFileSync } = require('node:fs')
const { join } = require('node:path')
const root = process.argv[2]
const commands = join(root, 'build/compile_commands.json')
const entry = existsSync(commands) &&
  JSON.parse(readFileSync(commands, 'utf8')).find((e) => !e.file.includes('/loader/') && !e.file.endsWith('cmake_pch.hxx.cxx'))
if (entry) {
  const words = entry.command.replace(/ -o .*$/, '').split(' ')
  const flags = words.slice(words.findIndex((word) => word.startsWith('-') && word !== '-E'))
  const header = /-include (\S+cmake_pch\.hxx)/.exec(entry.command)?.[1]
  // a header that is not built yet, or is older than its source, would be an error of its own
  console.log(flags.join(' ').replace(header && !existsSync(`${header}.gch`) ? ` -include ${header}` : /$^/, ''))
} else {
  const libtorch = [process.env.LIBTORCH, join(root, '.libtorch/2.13.0'), join(root, '.venv/lib/python3.11/site-packages/torch')]
    .find((dir) => dir && existsSync(join(dir, 'include/ATen/ATen.h')))
  if (!libtorch) throw new Error('no LibTorch headers: run node scripts/setup.mjs')
  console.log(`-std=c++20 -O2 -fPIC -Wall -Wextra -fvisibility=hidden -DNAPI_CPP_EXCEPTIONS -DNAPI_EXPERIMENTAL
    -DNODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT -DLTN_BUILT_FOR=\\"2.13.0\\" -I${root}/native -isystem ${libtorch}/include
    -isystem ${libtorch}/include/torch/csrc/api/include -isystem ${root}/node_modules/node-addon-api
    -isystem ${root}/node_modules/node-api-headers/include`.replace(/\s+/g, ' '))
}
JS
)
for file in "$@"; do
  eval "g++ $flags -fsyntax-only \"$file\""
  echo "$file: fine"
done
