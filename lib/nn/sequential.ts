import { ArgumentError } from '../errors.js'
import { describe, isOptions } from '../tensor/operator.js'
import { Chain } from './chain.js'
import { IndexedModules } from './indexed.js'
import { Module } from './module.js'
import type { FieldKeys, TupleKeys } from './types.js'

type Named = { readonly [name: string]: Module } | ReadonlyMap<string, Module> | readonly (readonly [string, Module])[]
/** What the constructor takes: layers, or one collection of named ones. */
export type SequentialArguments = readonly Module[] | readonly [Named]

type SequentialKeys<T extends readonly unknown[]> = T extends readonly [infer Only]
  ? Only extends Module
    ? TupleKeys<T>
    : Only extends ReadonlyMap<string, Module> | readonly (readonly [string, Module])[]
      ? string
      : FieldKeys<Only>
  : TupleKeys<T>
type ItemOf<T extends readonly unknown[], I extends number> = `${I}` extends keyof T
  ? T[`${I}`] extends Module
    ? T[`${I}`]
    : Module
  : Module

/**
 * A chain of modules: each takes what the one before it gives. A run of native layers without hooks is one native call, and
 * what lies between them never becomes a JavaScript object.
 * @example
 * const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 1))
 * const named = new nn.Sequential({ hidden: new nn.Linear(4, 8), act: new nn.ReLU() })
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.Sequential.html
 */
export class Sequential<T extends SequentialArguments = Module[]> extends IndexedModules {
  /** Only for types: the keys of the state dict. */
  declare readonly keyBrand?: SequentialKeys<T>

  readonly #chain = new Chain()

  /** @param modules - the layers in order; or one object, Map or array of pairs from names to layers */
  constructor(...modules: T) {
    super()
    const [only] = modules
    if (modules.length === 1 && !(only instanceof Module))
      for (const [name, module] of pairs(only)) this.addModule(name, module)
    else for (const [i, module] of (modules as readonly Module[]).entries()) this.addModule(String(i), module)
  }

  /** @internal */
  override _likeness(): this {
    return Reflect.construct(Sequential, [], this.constructor as new () => unknown) as unknown as this
  }

  override at<const I extends number>(index: I): ItemOf<T, I> {
    return super.at(index) as ItemOf<T, I>
  }

  /** A new Sequential of the children from `start` to before `end`, under their names; both may be negative. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(new Map(this._children().slice(start, end))) as unknown as Sequential
  }

  /** Python's `a + b`: a new Sequential of the modules of both. */
  add(other: Sequential<any>): Sequential {
    return new Sequential(...this, ...checkSequential(other)) as unknown as Sequential
  }
  /** Python's `a += b`: adds the modules of another Sequential. */
  add_(other: Sequential<any>): this {
    return this.extend(checkSequential(other))
  }
  /** Python's `a * n`: a new Sequential that has the modules `times` times over, the same each time. */
  mul(times: number): Sequential {
    return new Sequential(...repeat(this, times)) as unknown as Sequential
  }
  /** Python's `a *= n`. */
  mul_(times: number): this {
    return this.extend(repeat(this, times).slice(this.length))
  }

  override forward(input: any): any {
    return this.#chain.forward(flatten(this, []), input)
  }
}

function checkSequential(other: unknown): Module[] {
  if (other instanceof Sequential) return [...other]
  throw new ArgumentError(`add operator supports only objects of Sequential class, but ${describe(other)} is given.`)
}

function repeat(modules: Sequential<any>, times: number): Module[] {
  if (!Number.isInteger(times)) throw new ArgumentError(`mul(): expected an integer, received ${describe(times)}`)
  if (times <= 0)
    throw new ArgumentError(
      `Non-positive multiplication factor ${times} for <class 'torch.nn.modules.container.Sequential'>`,
    )
  return Array.from({ length: times }, () => [...modules]).flat()
}

const sequentialForward = Sequential.prototype.forward

/** The children, with those of plain Sequentials among them in their place. */
function flatten(sequential: Sequential<any>, into: Module[]): Module[] {
  for (const value of Object.values(sequential)) {
    if (!(value instanceof Module)) continue
    if (value instanceof Sequential && value.forward === sequentialForward) flatten(value, into)
    else into.push(value)
  }
  return into
}

function pairs(named: unknown): [string, Module][] {
  const list =
    named instanceof Map || Array.isArray(named) ? [...named] : isOptions(named) ? Object.entries(named) : undefined
  if (!list) throw new ArgumentError(`Sequential: expected modules, or names and modules, received ${describe(named)}`)
  const numbers = list.map(([name]) => name).filter((name) => /^(0|[1-9]\d*)$/.test(name))
  // Properties that look like integers come in ascending order, before all others.
  const kept = numbers.every((name, i) => name === list[i]![0] && (i === 0 || Number(name) > Number(numbers[i - 1])))
  if (!kept) throw new ArgumentError('Sequential: names that are numbers must come first and in ascending order')
  return list
}
