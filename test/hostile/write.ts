/** Writes the hostile files: `node write.js <folder>`. Apart from the program that opens them, whose memory is measured. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostileFiles } from './files.js'

const [folder = '.'] = process.argv.slice(2)
mkdirSync(join(folder, 'files'))
for (const [i, { name, bytes, end = 'pt' }] of hostileFiles(join(folder, 'marker'), folder).entries()) {
  const number = String(i).padStart(3, '0')
  writeFileSync(join(folder, 'files', `${number} ${name.replace(/[^\w .,-]/g, '_').slice(0, 100)}.${end}`), bytes)
}
