/** What people ask of a checkpoint first: how far it is, its learning rates, the options of its run. */
import type { StorageFacts } from './storages.js'
import { elements } from './tensors.js'
import type {
  ContainerOutline,
  Entry,
  Inspection,
  Note,
  ObjectOutline,
  Outline,
  PlainOutline,
  PlainValue,
  TensorOutline,
} from './types.js'

const counters =
  /^(epochs?|(start|last|current|best|cur)_epoch|(global_)?steps?|iter(ation)?s?|iter_num|global_iter(ation)?|batch)$/
const optionNames =
  /^(args|h_?params|hyper_?param(eter)?s|config|cfg|opts?|options|settings|params|(model|train|training)_(args|config|params)|init_args)$/i
const namespaces =
  /(^argparse\.Namespace|^types\.SimpleNamespace|Config|Arguments|Args|Options|HParams|AttrDict|EasyDict)$/

/** Sizes by dtype and device. */
export function totals(
  tensors: readonly TensorOutline[],
  storages: Iterable<StorageFacts>,
): Pick<Inspection, 'tensors' | 'elements' | 'bytes' | 'dtypes' | 'devices'> {
  const dtypes = new Map<string, { dtype: string; tensors: number; elements: number; bytes: number }>()
  const devices = new Map<string, number>()
  const add = (device: string, bytes: number): void => void devices.set(device, (devices.get(device) ?? 0) + bytes)
  for (const { dtype, shape, bytes, device, storage, layout } of tensors) {
    const row = dtypes.get(dtype) ?? { dtype, tensors: 0, elements: 0, bytes: 0 }
    dtypes.set(dtype, row)
    row.tensors++
    row.elements += shape && Number.isSafeInteger(elements(shape)) ? elements(shape) : 0
    row.bytes += bytes
    if (storage === undefined && (layout === undefined || layout === 'strided'))
      add(device, device === 'meta' ? 0 : bytes)
  }
  for (const { location, nbytes } of storages) add(location, nbytes)
  return {
    tensors: tensors.length,
    elements: [...dtypes.values()].reduce((sum, row) => sum + row.elements, 0),
    bytes: [...devices.values()].reduce((sum, bytes) => sum + bytes, 0),
    dtypes: [...dtypes.values()].sort((a, b) => b.bytes - a.bytes || b.tensors - a.tensors),
    devices: [...devices].map(([device, bytes]) => ({ device, bytes })),
  }
}

function entriesOf(outline: Outline): Entry[] {
  return outline.type === 'container' || outline.type === 'object' ? outline.entries : []
}

function find(outline: Outline, key: string): Outline | undefined {
  return entriesOf(outline).find((entry) => entry.key === key)?.value
}

/** Epochs and steps: whole numbers at the top. */
export function progressOf(root: Outline): Inspection['progress'] {
  return entriesOf(root).flatMap(({ key, step, value }) => {
    const number = value.type === 'plain' && /int/.test(value.class) ? value.value : undefined
    return counters.test(key) && typeof number === 'number' ? [{ path: step, value: number }] : []
  })
}

/** The groups of every optimizer; where there is none, what schedulers remember. */
export function learningRatesOf(root: Outline): Inspection['learningRates'] {
  const found: Inspection['learningRates'] = []
  const last: Inspection['learningRates'] = []
  walk(root, '', (outline, path) => {
    const groups = find(outline, 'param_groups')
    if (groups?.type === 'container') {
      const rates = groups.entries.flatMap(({ value }) => rateOf(find(value, 'lr')))
      if (rates.length > 0) found.push({ path, rates })
    }
    const rates = find(outline, '_last_lr')
    const values = rates?.type === 'plain' && Array.isArray(rates.value) ? rates.value : []
    if (values.length > 0) last.push({ path, rates: values as number[] })
  })
  return found.length > 0 ? found : last
}

function rateOf(lr: Outline | undefined): (number | string)[] {
  if (lr?.type === 'tensor') return ['a tensor']
  return lr?.type === 'plain' ? [typeof lr.value === 'number' ? lr.value : lr.text] : []
}

/** `argparse.Namespace`s and the like, and dicts of plain values under the usual names. */
export function hyperParametersOf(root: Outline): Inspection['hyperParameters'] {
  const found: Inspection['hyperParameters'] = []
  walk(root, '', (outline, path, key) => {
    if (outline.type !== 'container' && (outline.type !== 'object' || outline.module)) return
    const isOptions = optionNames.test(key) && !isList(outline)
    if (!isOptions && !(outline.type === 'object' && namespaces.test(outline.class))) return
    const values: Record<string, PlainValue> = Object.create(null)
    for (const { key: name, value } of outline.entries) {
      if (value.type === 'tensor') return
      if (value.type === 'plain') values[name] = plainValue(value)
    }
    if (Object.keys(values).length > 0) found.push({ path, class: outline.class, values })
  })
  return found
}

function isList({ type, class: name }: ContainerOutline | ObjectOutline): boolean {
  return type === 'container' && /^(list|tuple|set|frozenset|deque)$/.test(name)
}

function plainValue(plain: PlainOutline): PlainValue {
  return plain.value === undefined || plain.length !== undefined ? plain.text : plain.value
}

function walk(
  outline: Outline,
  path: string,
  visit: (outline: Outline, path: string, key: string) => void,
  key = '',
): void {
  visit(outline, path, key)
  for (const entry of entriesOf(outline)) walk(entry.value, path + entry.step, visit, entry.key)
}

const mostNotes = 10

/** What is wrong with single tensors, and what storages hold beyond them. */
export function tensorNotes(tensors: readonly TensorOutline[], storages: readonly StorageFacts[]): Note[] {
  const notes: Note[] = []
  const wrong = tensors.filter(({ problem }) => problem !== undefined)
  for (const { path, problem } of wrong.slice(0, mostNotes)) {
    notes.push({ level: 'warning', text: `the tensor ${path || 'of the file'} cannot be read: ${problem}` })
  }
  if (wrong.length > mostNotes) notes.push({ level: 'warning', text: `${wrong.length - mostNotes} more such tensors` })
  const elsewhere = [...new Set(storages.map(({ location }) => location))].filter((name) => !/^(cpu|meta)/.test(name))
  if (elsewhere.length > 0) {
    notes.push({
      level: 'info',
      text: `saved from ${elsewhere.join(', ')}: where that is not there, open it with torch.load(file, { mapLocation: 'cpu' })`,
    })
  }
  const partly = storages.filter(({ used, nbytes, first }) => first !== undefined && used < nbytes)
  const unused = partly.reduce((sum, { used, nbytes }) => sum + nbytes - used, 0)
  if (unused > 0) {
    const them = partly.length === 1 ? '1 storage is' : `${partly.length} storages are`
    notes.push({ level: 'info', text: `${them} used by views in part alone: ${unused} bytes belong to no tensor` })
  }
  const shared = tensors.filter(({ sharedWith }) => sharedWith !== undefined).length
  if (shared > 0) {
    notes.push({
      level: 'info',
      text: `${shared === 1 ? '1 tensor shares its' : `${shared} tensors share their`} storage with another one`,
    })
  }
  return notes
}
