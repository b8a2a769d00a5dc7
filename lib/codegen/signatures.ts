/** TypeScript signatures of operators, made from the dispatcher's schemas. */
import type { Schema, SchemaArgument } from '../../binding.js'
import { camelCase } from '../tensor/names.js'

const elementTypes: Record<string, string> = {
  Tensor: 'Tensor',
  Scalar: 'Scalar',
  number: 'Scalar',
  int: 'number',
  SymInt: 'number',
  float: 'number',
  SymFloat: 'number',
  bool: 'boolean',
  SymBool: 'boolean',
  str: 'string',
  ScalarType: 'Dtype',
  Layout: 'Layout',
  MemoryFormat: 'MemoryFormat',
  Device: 'Device',
  Generator: 'Generator',
  'Tensor?': '(Tensor | null)',
}

/** `int[2]?` → `number | readonly number[] | null` */
export function inputType(type: string): string {
  const optional = type.endsWith('?') && !type.endsWith('Tensor?[]')
  const bare = optional ? type.slice(0, -1) : type
  const list = /^(.*)\[(\d*)\]$/.exec(bare)
  const element = (name: string) => {
    const found = elementTypes[name]
    if (!found) throw new Error(`no TypeScript type for '${name}' of '${type}'`)
    return found
  }
  const text = list ? `${list[2] ? `${element(list[1]!)} | ` : ''}readonly ${element(list[1]!)}[]` : element(bare)
  return optional ? `${text} | null` : text
}

export function outputType(type: string): string {
  const list = /^(.*)\[\d*\]\??$/.exec(type)
  if (list) return `${outputType(list[1]!)}[]`
  switch (type.replace(/\?$/, '')) {
    case 'Tensor':
      return 'Tensor'
    case 'bool':
    case 'SymBool':
      return 'boolean'
    case 'int':
    case 'SymInt':
    case 'float':
    case 'SymFloat':
      return 'number'
    case 'number':
    case 'Scalar':
      return 'number | bigint | boolean'
    case 'str':
    case 'Device':
      return 'string'
    case 'ScalarType':
      return 'Dtype'
    default:
      return 'unknown'
  }
}

function returnType(schema: Schema, method: boolean): string {
  const { returns } = schema
  if (returns.length === 0) return 'void'
  if (returns.length === 1) return method && returns[0]!.alias ? 'this' : outputType(returns[0]!.type)
  const tuple = `[${returns.map((r) => outputType(r.type)).join(', ')}]`
  const named = returns.filter((r) => r.name)
  if (named.length === 0) return tuple
  return `${tuple} & { ${named.map((r) => `${camelCase(r.name)}: ${outputType(r.type)}`).join('; ')} }`
}

const reserved = new Set(['function', 'default', 'in', 'var', 'new', 'this', 'with', 'import', 'delete', 'enum', 'class'])
const parameterName = (name: string) => (reserved.has(name) ? `${name}_` : name)

/** Options that Python adds to every factory function. */
const isFactory = (schema: Schema) => {
  const names = schema.arguments.map((a) => a.name)
  return names.includes('dtype') && names.includes('pin_memory')
}

/** A required argument that may be None may also be given as undefined. */
const explicit = (a: SchemaArgument) => (a.default === undefined && a.type.endsWith('?') ? ' | undefined' : '')

function optionsType(args: SchemaArgument[], factory: boolean): string {
  const fields = args.map((a) => `${camelCase(a.name)}${a.default === undefined ? '' : '?'}: ${inputType(a.type)}${explicit(a)}`)
  if (factory) fields.push('requiresGrad?: boolean')
  return `{ ${fields.join('; ')} }`
}

/**
 * The call signatures of one overload. Optional positional arguments may be given by position or by name, so there is one
 * signature for each number of positional arguments, and one with everything by name.
 */
export function callSignatures(schema: Schema, method: boolean): string[] {
  const args = method ? schema.arguments.slice(1) : schema.arguments
  const positional = args.filter((a) => !a.keywordOnly)
  const keyword = args.filter((a) => a.keywordOnly)
  const factory = isFactory(schema)
  const result = returnType(schema, method)
  let required = positional.findIndex((a) => a.default !== undefined)
  if (required < 0) required = positional.length
  const parameter = (a: SchemaArgument) => `${parameterName(camelCase(a.name))}: ${inputType(a.type)}`
  const signature = (count: number) => {
    const rest = [...positional.slice(count), ...keyword]
    const parameters = positional.slice(0, count).map(parameter)
    if (rest.length || factory) {
      const mandatory = rest.some((a) => a.default === undefined)
      parameters.push(`options${mandatory ? '' : '?'}: ${optionsType(rest, factory)}`)
    }
    return `(${parameters.join(', ')}): ${result}`
  }
  const counts = new Set<number>()
  for (let count = required; count <= positional.length; count++) counts.add(count)
  const lines = [...counts].map(signature)
  if (required > (method ? 0 : 1)) lines.push(signature(method ? 0 : 1))
  const first = positional.length === 1 || (!method && positional[0]?.name === 'self' && positional.length === 2)
  const last = positional[positional.length - 1]
  if (first && last && /^(Sym)?[Ii]nt\[/.test(last.type) && positional.length - 1 === (method ? 0 : schema.arguments[0]!.name === 'self' ? 1 : 0)) {
    const head = positional.slice(0, -1).map(parameter)
    lines.push(`(${[...head, `...${parameterName(camelCase(last.name))}: number[]`].join(', ')}): ${result}`)
    // zeros(2, 3, {dtype}): TypeScript allows nothing behind a rest parameter, so the common ranks are spelled out
    if (keyword.length) {
      for (let rank = 1; rank <= 4; rank++) {
        const sizes = Array.from({ length: rank }, (_, i) => `size${i}: number`)
        lines.push(`(${[...head, ...sizes, `options: ${optionsType(keyword, factory)}`].join(', ')}): ${result}`)
      }
    }
  }
  return [...new Set(lines)]
}
