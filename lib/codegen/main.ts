/** Behind `npm run gen`: makes every file of `lib/generated` and the pages that are lists. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binding } from '../../binding.js'
import { generateCoverage } from './coverage.js'
import { generateNn } from './nn.js'
import { generateFunctions, generateMethods, generateNamespaces, type PythonApi } from './ops.js'
import { generateLrScheduler, generateOptim } from './optim.js'

/**
 * Text of every generated file by its path below `root`.
 * @param torch - the package itself, asked which names it has; without it the pages about it are left out
 */
export function generate(binding: Binding, torch: object | undefined, root: string): Map<string, string> {
  const api = JSON.parse(readFileSync(join(root, 'lib/codegen/python-api.json'), 'utf8')) as PythonApi
  return new Map([
    ['lib/generated/functions.ts', generateFunctions(binding, api)],
    ['lib/generated/methods.ts', generateMethods(binding, api)],
    ['lib/generated/namespaces.ts', generateNamespaces(binding, api)],
    ['lib/generated/nn.ts', generateNn(binding.layers())],
    ['lib/generated/optim.ts', generateOptim(binding.optimizers())],
    ['lib/generated/lr-scheduler.ts', generateLrScheduler(binding.schedulers())],
    ...(torch ? [['docs/coverage.md', generateCoverage(api, torch)] as const] : []),
  ])
}
