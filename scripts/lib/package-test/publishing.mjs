/** What is published, as tools and the compiler see it. */
import { join } from 'node:path'
import { root, tsc } from '../run.mjs'
import { expect } from './machine.mjs'

const tool = (...path) => join(root, 'node_modules', ...path)

/** @returns checks of the tarball and of the types in a project that has it installed: `[name, run]` */
export function publishingChecks({ tarball, machine, app }) {
  const run = (...command) => machine.run(['node', ...command], { cwd: app })
  const attw = tool('@arethetypeswrong', 'cli', 'dist', 'index.js')
  const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--types', 'node']
  const compile = (module, resolution) =>
    expect(run(tsc(), ...options, '--module', module, '--moduleResolution', resolution, 'train.mts'))
  return [
    [
      'publint',
      () => expect(run(tool('publint', 'src', 'cli.js'), 'run', tarball, '--strict'), { says: ['All good'] }),
    ],
    ['attw, profile esm-only', () => expect(run(attw, tarball, '--profile', 'esm-only', '--format', 'ascii'))],
    ['types: nodenext, skipLibCheck off', () => compile('nodenext', 'nodenext')],
    ['types: bundler, skipLibCheck off', () => compile('esnext', 'bundler')],
  ]
}
