/**
 * Protocols 0 to 2 call Python's own modules by their Python 2 names. Names are kept in Python 3's form and translated at
 * the edge. Only names that both tables can reverse are here: all others are read and written as they are.
 */
const modules: [python2: string, python3: string][] = [
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
  ['Queue', 'queue'],
]
const names: [python2: string, python3: string][] = [
  ['__builtin__ xrange', 'builtins range'],
  ['__builtin__ long', 'builtins int'],
  ['__builtin__ unicode', 'builtins str'],
  ['__builtin__ unichr', 'builtins chr'],
  ['__builtin__ reduce', 'functools reduce'],
  ['__builtin__ intern', 'sys intern'],
  ['itertools izip', 'builtins zip'],
  ['itertools imap', 'builtins map'],
  ['itertools ifilter', 'builtins filter'],
  ['UserDict IterableUserDict', 'collections UserDict'],
  ['UserList UserList', 'collections UserList'],
  ['UserString UserString', 'collections UserString'],
]
const moduleTo3 = new Map(modules)
const moduleTo2 = new Map(modules.map(([a, b]) => [b, a]))
const nameTo3 = new Map(names)
const nameTo2 = new Map(names.map(([a, b]) => [b, a]))
const exception = /^[A-Z][A-Za-z]*(Error|Warning|Exception|Exit|Interrupt|Iteration)$/

/** `__builtin__ xrange` → `['builtins', 'range']` */
export function toPython3(module: string, name: string): [module: string, name: string] {
  const whole = nameTo3.get(`${module} ${name}`)
  if (whole !== undefined) return whole.split(' ') as [string, string]
  if (module === 'exceptions' && exception.test(name)) return ['builtins', name]
  return [moduleTo3.get(module) ?? module, name]
}

/** `builtins range` → `['__builtin__', 'xrange']` */
export function toPython2(module: string, name: string): [module: string, name: string] {
  const whole = nameTo2.get(`${module} ${name}`)
  if (whole !== undefined) return whole.split(' ') as [string, string]
  if (module === 'builtins' && exception.test(name)) return ['exceptions', name]
  return [moduleTo2.get(module) ?? module, name]
}
