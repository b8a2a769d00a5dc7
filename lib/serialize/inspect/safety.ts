/** What the names in a pickle mean for whoever opens it in Python. */
import { type Node, PyCall, PyGlobal, PyStr, type PyTuple } from '../nodes.js'
import type { PickleWatcher } from '../pickle-read.js'
import { dtypes } from '../storages.js'
import { plainOutline } from './plain.js'
import type { ClassUse, Note } from './types.js'

const scalars = 'BFloat16|Byte|Char|Double|Float|Half|Int|Long|Short'
const tensorClass = new RegExp(`^torch\\.(cuda\\.)?((${scalars}|Bool)Tensor|sparse\\.(${scalars})Tensor)$`)
const storageClass = new RegExp(`^torch\\.(cuda\\.)?(${scalars}|Bool|ComplexDouble|ComplexFloat)Storage$`)
const otherStorage = /^torch\.(storage\.(Typed|Untyped)|QInt8|QInt32|QUInt8|QUInt4x2|QUInt2x4)Storage$/
const smallInt = /^torch\.u?int[1-7]$/
const scheme =
  /^torch\.per_(channel_affine|channel_affine_float_qparams|channel_symmetric|tensor_affine|tensor_symmetric)$/
const rebuild =
  /^torch\._utils\._rebuild_(parameter|parameter_with_state|qtensor|tensor|tensor_v2|tensor_v3|sparse_tensor|meta_tensor_no_storage|nested_tensor|wrapper_subclass|device_tensor_from_numpy|device_tensor_from_cpu_tensor)$/
const others = new Set([
  'collections.OrderedDict',
  'collections.Counter',
  'torch.nn.parameter.Parameter',
  'torch.serialization._get_layout',
  'torch.Size',
  'torch.Tensor',
  'torch.device',
  '_codecs.encode',
  'builtins.bytearray',
  'builtins.set',
  'builtins.complex',
  'torch._tensor._rebuild_from_type_v2',
])
const patterns = [tensorClass, storageClass, otherStorage, smallInt, scheme, rebuild]

/**
 * Whether Python's `torch.load(weights_only=True)` knows a global without being told of it. The list is that of
 * torch/_weights_only_unpickler.py (_get_allowed_globals), PyTorch 2.13.
 */
export function weightsOnlyAllows(path: string): boolean {
  if (others.has(path) || patterns.some((pattern) => pattern.test(path))) return true
  return path.startsWith('torch.') && dtypes.has(path.slice('torch.'.length))
}

/** Modules that no data needs, and that programs hidden in pickles do. */
const hostileModules = new Set(
  (
    'os posix nt sys subprocess shutil socket runpy importlib pty commands popen2 ctypes webbrowser urllib http ftplib ' +
    'smtplib requests httpx code codeop marshal pickle _pickle dill cloudpickle asyncio multiprocessing signal pip timeit ' +
    'cProfile profile pdb bdb doctest trace linecache inspect gc distutils setuptools tempfile'
  ).split(' '),
)
const hostileNames = new Set(
  ['eval exec compile open input breakpoint __import__ globals locals vars delattr setattr'.split(' ')].flatMap(
    (names) => names.map((name) => `builtins.${name}`),
  ),
)
const hostilePaths = /^(torch\.(load|hub|jit\.load)|numpy\.(load|fromfile)|types\.(CodeType|FunctionType))\b/

/** Whether a global does more than make a value. Protocol 4 also reaches modules through others: `torch.serialization.os.system`. */
export function isHostile(path: string): boolean {
  if (hostileNames.has(path) || hostilePaths.test(path)) return true
  const parts = path.split('.')
  return hostileModules.has(parts[0]!) || parts.slice(1, -1).some((part) => /^(os|sys|posix|subprocess)$/.test(part))
}

const mostCalls = 20

/** Counts what a pickle names and calls, and keeps the calls that are worth a warning. */
export class Census implements PickleWatcher {
  private readonly named = new Map<string, number>()
  private readonly called = new Map<string, number>()
  private readonly hostile: PyCall[] = []
  private readonly hostileNames = new Set<string>()

  global({ path }: PyGlobal): void {
    this.named.set(path, (this.named.get(path) ?? 0) + 1)
  }

  call(call: PyCall): void {
    const { path } = call
    if (path === '') return
    const times = this.called.get(path)
    this.called.set(path, (times ?? 0) + 1)
    if (times === undefined && isHostile(path)) this.hostileNames.add(path)
    if (this.hostile.length < mostCalls && this.hostileNames.has(path)) this.hostile.push(call)
  }

  /** Every class and function, the most used first. */
  classes(): ClassUse[] {
    return [...this.named]
      .map(([name, times]) => {
        const calls = this.called.get(name) ?? 0
        return { name, count: calls || times, called: calls > 0, weightsOnly: weightsOnlyAllows(name) }
      })
      .sort((a, b) => Number(a.weightsOnly) - Number(b.weightsOnly) || b.count - a.count || (a.name < b.name ? -1 : 1))
  }

  /** @param isScript - a TorchScript archive, which torch.load never opens as data */
  notes(isScript = false): Note[] {
    const notes: Note[] = this.hostile.map((call) => ({
      level: 'danger',
      text: `Python would run ${call.path}${argumentsOf(call.args)} when it opens the file without weights_only=True; here it is not run`,
    }))
    const calls = [...this.called].reduce((sum, [name, count]) => sum + (isHostile(name) ? count : 0), 0)
    if (calls > notes.length) notes.push({ level: 'danger', text: `${calls - notes.length} more such calls` })
    for (const name of this.named.keys()) {
      if (isHostile(name) && !this.called.has(name)) {
        notes.push({ level: 'danger', text: `names ${name}, which data has no use for` })
      }
    }
    const unknown = this.classes().filter(({ weightsOnly }) => !weightsOnly)
    if (unknown.length > 0 && !isScript) {
      const names = unknown.slice(0, 5).map(({ name }) => name)
      const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : ''
      notes.push({
        level: 'info',
        text: `torch.load(weights_only=True) in Python refuses it because of ${names.join(', ')}${more}; torch.load here opens it as data`,
      })
    }
    return notes
  }
}

function argumentsOf(args: PyTuple): string {
  const texts = args.items.slice(0, 4).map(shortText)
  return `(${texts.join(', ')}${args.items.length > 4 ? ', …' : ''})`
}

function shortText(node: Node): string {
  if (node instanceof PyStr && node.text.length > 80) return shortText(new PyStr(`${node.text.slice(0, 79)}…`))
  return plainOutline(node)?.text ?? (node instanceof PyGlobal || node instanceof PyCall ? node.path || '…' : '…')
}
