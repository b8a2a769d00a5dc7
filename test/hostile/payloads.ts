/**
 * Pickles that run a command in a reader that does what they say: every way in which a pickle can call, with what there is
 * to be called. The command makes the file `marker`; a reader that only reads never makes it.
 */
import { bytes, checkpoint, text } from '../serialize/zip.js'
import type { HostileFile } from './files.js'

/** A call of Python: module, name, and the pickle of its arguments, which is a tuple. */
interface Payload {
  module: string
  name: string
  args: Buffer
}

const tuple = (...items: Buffer[]): Buffer => bytes('(', ...items, 't')
const none = bytes('N')
const dict = bytes('}')
const list = (...items: Buffer[]): Buffer => bytes('](', ...items, 'e')

function payloads(marker: string): Payload[] {
  const shell = text(`touch ${marker}`)
  const source = text(`open(${JSON.stringify(marker)}, 'w').close()`)
  const module = text(`__import__("os").system("touch ${marker}")`)
  const touch = list(text('touch'), text(marker))
  const call = (module: string, name: string, ...args: Buffer[]): Payload => ({ module, name, args: tuple(...args) })
  return [
    call('os', 'system', shell),
    call('posix', 'system', shell),
    call('nt', 'system', shell),
    call('os', 'popen', shell),
    call('os', 'execvp', text('touch'), touch),
    call('os', 'spawnlp', bytes('K\0'), text('touch'), text('touch'), text(marker)),
    call('posix', 'posix_spawn', text('/usr/bin/touch'), touch, dict),
    call('subprocess', 'Popen', touch),
    call('subprocess', 'call', touch),
    call('subprocess', 'check_output', touch),
    call('subprocess', 'run', touch),
    call('subprocess', 'getoutput', shell),
    call('commands', 'getoutput', shell),
    call('pty', 'spawn', touch),
    call('builtins', 'eval', module),
    call('builtins', 'exec', source),
    call('__builtin__', 'eval', module),
    call('__builtin__', 'exec', source),
    call('__builtin__', 'execfile', text(marker)),
    call('builtins', 'open', text(marker), text('w')),
    call('__builtin__', 'file', text(marker), text('w')),
    call('builtins', '__import__', text('os')),
    call('builtins', 'compile', source, text('x'), text('exec')),
    call('builtins', 'getattr', bytes('cos\nsystem\n'), text('__call__')),
    call('builtins', 'setattr', bytes('ctorch\nTensor\n'), text('__init__'), bytes('cos\nsystem\n')),
    call('builtins', 'breakpoint'),
    call('io', 'open', text(marker), text('w')),
    call('_io', 'open', text(marker), text('w')),
    call('codecs', 'open', text(marker), text('w')),
    call('pathlib', 'Path.touch', text(marker)),
    call('runpy', '_run_code', source, dict),
    call('runpy', 'run_path', text(marker)),
    call('code', 'InteractiveInterpreter.runcode', source),
    call('bdb', 'Bdb.run', source),
    call('pdb', 'run', source),
    call('cProfile', 'run', source),
    call('profile', 'run', source),
    call('timeit', 'timeit', source),
    call('trace', 'Trace.run', source),
    call('doctest', 'debug_script', source),
    call('importlib', 'import_module', text('antigravity')),
    call('imp', 'load_source', text('x'), text(marker)),
    call('pydoc', 'pipepager', text('x'), shell),
    call('pip._internal.cli.main', 'main', list(text('--version'))),
    call('ctypes', 'CDLL', text('libc.so.6')),
    call('marshal', 'loads', text('x')),
    call('pickle', 'loads', text('x')),
    call('types', 'FunctionType', none),
    call('types', 'CodeType', none),
    call('functools', 'partial', bytes('cos\nsystem\n'), shell),
    call('operator', 'attrgetter', text('system')),
    call('operator', 'methodcaller', text('system'), shell),
    call('shutil', 'rmtree', text(marker)),
    call('shutil', 'copyfile', text('/etc/hostname'), text(marker)),
    call('socket', 'create_connection', tuple(text('127.0.0.1'), bytes('K\x01'))),
    call('urllib.request', 'urlretrieve', text('http://127.0.0.1:1/'), text(marker)),
    call('webbrowser', 'open', text('http://127.0.0.1:1/')),
    call('sys', 'exit', bytes('K\x03')),
    call('torch', 'load', text(marker)),
    call('torch.hub', 'load', text('a/b'), text('c')),
    call('torch.jit', 'load', text(marker)),
    call('torch.serialization', 'load', text(marker)),
    call('torch.storage', '_load_from_bytes', text('x')),
    call('torch.ops', 'load_library', text(marker)),
    call('torch._dynamo.guards', 'GuardBuilder.get', text('x'), source),
    call('torch.fx._symbolic_trace', 'wrap', text('x')),
    call('torch.utils.cpp_extension', 'load_inline', text('x'), text('y')),
    call('torch._inductor.codecache', 'PyCodeCache.load', source),
    call('numpy.testing._private.utils', 'runstring', source, dict),
    call('numpy.f2py.crackfortran', 'getlincoef', source, dict),
    // names of JavaScript, where a reader in JavaScript might look them up
    call('process', 'exit', bytes('K\x03')),
    call('child_process', 'execSync', shell),
    call('node:fs', 'writeFileSync', text(marker), text('')),
    call('globalThis', 'eval', source),
    call('constructor', 'constructor', source),
    call('__proto__', 'constructor', source),
  ]
}

/** The ways in which a pickle has something called. */
const ways: Record<string, (payload: Payload, state: Buffer) => Buffer> = {
  REDUCE: ({ module, name, args }) => bytes(0x80, 2, `c${module}\n${name}\n`, args, 'R.'),
  NEWOBJ: ({ module, name, args }) => bytes(0x80, 2, `c${module}\n${name}\n`, args, 0x81, '.'),
  INST: ({ module, name, args }) => bytes('(', args.subarray(1, -1), `i${module}\n${name}\n.`),
  OBJ: ({ module, name, args }) => bytes('(', `c${module}\n${name}\n`, args.subarray(1, -1), 'o.'),
  STACK_GLOBAL: ({ module, name, args }) => bytes(0x80, 4, text(module), text(name), 0x93, args, 'R.'),
  BUILD: ({ module, name, args }) => bytes(0x80, 2, `c${module}\n${name}\n)R`, args, 'b.'),
  'BUILD of a list': ({ module, name, args }) => bytes(0x80, 2, `](c${module}\n${name}\n`, args, 'Reb.'),
  'in a state dict': ({ module, name, args }) =>
    bytes(0x80, 2, 'ccollections\nOrderedDict\n)R(', text('weight'), `c${module}\n${name}\n`, args, 'Ru.'),
}

/** Every payload by the first ways, some by all. */
export function payloadFiles(marker: string): HostileFile[] {
  const all = payloads(marker)
  return all.flatMap((payload, i) =>
    Object.entries(ways).flatMap(([way, pickle], j) => {
      if (j > 1 && (i + j) % 4 !== 0 && i > 3) return []
      const data = pickle(payload, dict)
      const name = `${payload.module}.${payload.name} by ${way}`
      return [{ name, bytes: checkpoint(data) }]
    }),
  )
}
