/** Zip archives: checkpoints of `torch.save`, TorchScript, archives of C++. Of their records only the pickles are read. */
import { limits } from '../limits.js'
import { readPickle } from '../pickle-read.js'
import type { StorageRef } from '../storages.js'
import { badFormat } from '../where.js'
import { Outliner } from './outline.js'
import type { Parts } from './parts.js'
import { Census } from './safety.js'
import { type StorageFacts, StorageTable } from './storages.js'
import type { Entry, Note, Outline } from './types.js'
import type { FileWindow } from './window.js'
import { ZipDirectory, type ZipRecord } from './zip.js'

/** Small records that say how the archive was written. */
const facts = { version: 'version', byteorder: 'byteorder', '.storage_alignment': 'alignment' }

export function inspectArchive(file: FileWindow): Parts {
  const zip = new ZipDirectory(file)
  if (!zip.has('data.pkl')) {
    throw badFormat(
      { ...file.where, record: 'data.pkl' },
      'this zip archive has no data.pkl: it is not a checkpoint of torch.save',
    )
  }
  const container: Parts['container'] = {}
  for (const [record, name] of Object.entries(facts)) {
    if (zip.has(record)) container[name] = Buffer.from(zip.read(record, 64)).toString('latin1').trim()
  }
  const census = new Census()
  const reader = new PickleReader(file, zip, census)
  const main = reader.read('data.pkl', 'data')
  container.protocol = main.protocol
  let root = main.root
  const isScript = zip.has('constants.pkl')
  if (isScript) root = withConstants(root, reader)
  // C++ saves no more than tensors and modules of them; Python's own class of this name also has whether it is training
  const isCpp = root.type === 'object' && root.class === '__torch__.Module' && !root.entries.some(isTraining)
  return {
    format: !isScript ? 'pytorch' : isCpp ? 'libtorch' : 'torchscript',
    fileBytes: file.size,
    container,
    root,
    tensors: reader.tensors,
    storages: reader.storages,
    classes: census.classes(),
    notes: [...census.notes(isScript), ...reader.notes(), ...(isScript ? [program(isCpp)] : [])],
  }
}

function isTraining({ key }: Entry): boolean {
  return key === 'training'
}

function program(isCpp: boolean): Note {
  const what = isCpp ? 'an archive of C++ (torch::save), in the form of a TorchScript program' : 'a TorchScript program'
  return {
    level: 'warning',
    text: `it holds ${what}, which torch.jit.load() runs: open it only if you trust its source`,
  }
}

function withConstants(root: Outline, reader: PickleReader): Outline {
  const constants = reader.read('constants.pkl', 'constants', '.constants')
  const { root: held } = constants
  const isNone = held.type === 'plain' && held.text === '()'
  if (isNone || root.type !== 'object') return root
  const entry: Entry = { key: 'constants', step: '.constants', value: held }
  return { ...root, entries: [...root.entries, entry] }
}

class PickleReader {
  readonly tensors: Parts['tensors'] = []
  readonly storages: StorageFacts[] = []
  private readonly used = new Set<string>()
  private readonly folders: string[] = []

  constructor(
    private readonly file: FileWindow,
    private readonly zip: ZipDirectory,
    private readonly census: Census,
  ) {}

  /** One pickle, whose storages are records of `folder`. */
  read(name: string, folder: string, step = ''): { root: Outline; protocol: number } {
    const { file, zip } = this
    const where = { ...file.where, record: name }
    const most = Math.min(limits.pickleBytes, file.size * limits.expansion + 2 ** 28)
    const bytes = zip.read(name, most)
    this.folders.push(`${folder}/`)
    const table = new StorageTable(where, (ref) => this.check(`${folder}/${ref.key}`, ref))
    const node = readPickle(bytes, where, table.load, this.census)
    const outliner = new Outliner(where, table.byKey)
    const root = outliner.within(step, () => outliner.outline(node))
    for (const tensor of outliner.tensors) this.tensors.push(tensor)
    for (const storage of table.byKey.values()) this.storages.push(storage)
    return { root, protocol: bytes[0] === 0x80 ? bytes[1]! : 0 }
  }

  private check(record: string, ref: StorageRef): string | undefined {
    this.used.add(record)
    const found = this.zip.records.get(record)
    if (found === undefined) return `the record ${record} is missing`
    if (found.size === ref.nbytes) return undefined
    return `the record ${record} has ${found.size} bytes; ${ref.numel} elements of ${ref.dtype} take ${ref.nbytes}`
  }

  notes(): Note[] {
    const notes: Note[] = []
    const { records, repeated } = this.zip
    if (repeated.length > 0) {
      const names = repeated.slice(0, 5).join(', ')
      notes.push({ level: 'warning', text: `records are in the archive more than once: ${names}` })
    }
    const all = [...records.values()]
    const isData = ({ name }: ZipRecord): boolean => this.folders.some((folder) => name.startsWith(folder))
    const compressed = all.filter((record) => record.method !== 0 && isData(record))
    if (compressed.length > 0) {
      const them = `${count(compressed.length, 'storage')} ${compressed.length === 1 ? 'is' : 'are'}`
      notes.push({ level: 'info', text: `${them} compressed, and so cannot be mapped into memory` })
    }
    const size = all.reduce((sum, record) => sum + record.size, 0)
    if (size > this.file.size * limits.expansion + 2 ** 28) {
      notes.push({ level: 'danger', text: `it would unpack to ${size} bytes, and has ${this.file.size}` })
    }
    const unused = all.filter((record) => isData(record) && !this.used.has(record.name))
    if (unused.length > 0) {
      const bytes = unused.reduce((sum, record) => sum + record.size, 0)
      notes.push({ level: 'info', text: `${count(unused.length, 'record')} of ${bytes} bytes that nothing refers to` })
    }
    return notes
  }
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
