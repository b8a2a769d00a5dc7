/**
 * Joins the modules of dist/ into few files in dist/bundle/, which are what the package exports: to load some 360 modules one by
 * one takes Node longer than to load LibTorch.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rollup } from 'rollup'

/** Name of a bundled file, and the module that it begins with. All lie in one folder, as deep as a room of dist/: paths from
 * `import.meta.url` lead to the same places. */
const entries = {
  index: 'index.js',
  vision: 'vision/index.js',
  cli: 'cli/main.js',
  // started by its name
  worker: 'data/workers/worker.js',
}

/** @param {string} dist - the folder that lib/ was compiled into */
export async function bundle(dist) {
  const dir = join(dist, 'bundle')
  rmSync(dir, { recursive: true, force: true })
  const build = await rollup({
    input: Object.fromEntries(Object.entries(entries).map(([name, module]) => [name, join(dist, module)])),
    external: (id) => !/^[./]|^[A-Z]:/.test(id),
    treeshake: false,
    onwarn(warning, warn) {
      // index.js exports its own names as its default
      if (warning.code !== 'CIRCULAR_DEPENDENCY' || warning.ids?.length > 2) warn(warning)
    },
  })
  await build.write({ dir, format: 'es', chunkFileNames: '[name]-[hash].js', hoistTransitiveImports: false })
  await build.close()
  writeFileSync(join(dir, '.bundled'), '')
}
