/** `torch.ops`: any operator by its raw name, custom libraries too. */
import { native } from '../binding.js'
import { TorchError } from '../errors.js'
import { isOptions, Operator } from './operator.js'

type Call = (...args: any[]) => any
/** `torch.ops.aten.add(...)` picks the overload, `torch.ops.aten.add.Tensor(...)` names it; `default` is the unnamed one. */
export type RawOperator = Call & { [overload: string]: Call }
export type OperatorNamespace = { [name: string]: RawOperator }

function caller(name: string, overload?: string): Call {
  const operator = new Operator(name, overload)
  return (...args) => {
    if (isOptions(args[args.length - 1])) return operator.callWithOptions(args.slice(0, -1), args[args.length - 1])
    return overload === undefined ? operator.call(args) : operator.callOverload(0, args)
  }
}

function lazy<T extends object>(target: T, make: (key: string) => unknown): T {
  const made = new Map<string, unknown>()
  return new Proxy(target, {
    get(base, key, receiver) {
      if (typeof key !== 'string' || key in base) return Reflect.get(base, key, receiver)
      if (!made.has(key)) made.set(key, make(key))
      return made.get(key)
    },
  })
}

const namespace = (space: string): OperatorNamespace =>
  lazy({}, (name) =>
    lazy(caller(`${space}::${name}`), (overload) => {
      const schemas = native().schemas(`${space}::${name}`, overload === 'default' ? '' : overload)
      if (schemas.length === 0) throw new TorchError(`operator ${space}::${name} has no overload '${overload}'`)
      return caller(`${space}::${name}`, overload === 'default' ? '' : overload)
    }),
  )

/** Operators by namespace: `torch.ops.aten.mm.default(a, b)`. */
export const ops = lazy(
  {
    /** Loads a shared library that registers operators; they appear under their namespace. */
    loadLibrary(path: string): void {
      native().loadLibrary(path)
    },
  },
  namespace,
) as { loadLibrary(path: string): void } & { [namespace: string]: OperatorNamespace }
