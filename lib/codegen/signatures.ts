/** TypeScript signatures of operators, made from the dispatcher's schemas. */
import type { Schema, SchemaArgument } from '../../binding.js'
import { camelCase } from '../tensor/names.js'
import { type Field, mergeSignatures, type Signature } from './merge.js'

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

/** The members of the union that an argument takes: `int[2]?` → `number`, `readonly number[]`, `null`. */
export function inputTypes(type: string): string[] {
  const optional = type.endsWith('?') && !type.endsWith('Tensor?[]')
  const bare = optional ? type.slice(0, -1) : type
  const list = /^(.*)\[(\d*)\]$/.exec(bare)
  const element = (name: string) => {
    const found = elementTypes[name]
    if (!found) throw new Error(`no TypeScript type for '${name}' of '${type}'`)
    return found
  }
  const members = list ? [...(list[2] ? [element(list[1]!)] : []), `readonly ${element(list[1]!)}[]`] : [element(bare)]
  return optional ? [...members, 'null'] : members
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

const reserved = new Set([
  'function',
  'default',
  'in',
  'var',
  'new',
  'this',
  'with',
  'import',
  'delete',
  'enum',
  'class',
])
const parameterName = (name: string) => (reserved.has(name) ? `${name}_` : name)

/** Options that Python adds to every factory function. */
const isFactory = (schema: Schema) => {
  const names = schema.arguments.map((a) => a.name)
  return names.includes('dtype') && names.includes('pin_memory')
}

/** Operators whose tensors may be numbers: `torch.sub(1, x)`. `native/ops/schema.cpp` has the same names. */
const takesNumbers = new Set('add sub mul div divide subtract multiply true_divide floor_divide'.split(' '))

/** Sizes that may come one by one before an options object: TypeScript allows nothing behind a rest parameter. */
const spelledOutRanks = 4

/**
 * The call signatures of one overload. Optional positional arguments may be given by position or by name, so there is one
 * signature for each number of positional arguments, and one with everything by name.
 */
function signaturesOf(schema: Schema, method: boolean): Signature[] {
  const args = method ? schema.arguments.slice(1) : schema.arguments
  const positional = args.filter((a) => !a.keywordOnly)
  const keyword = args.filter((a) => a.keywordOnly)
  const factory = isFactory(schema)
  const result = returnType(schema, method)
  const numbers = takesNumbers.has(/::([^.]*)/.exec(schema.name)![1]!)
  const typesOf = (a: SchemaArgument) => (numbers && a.type === 'Tensor' ? ['Tensor', 'Scalar'] : inputTypes(a.type))
  const parameter = (a: SchemaArgument) => ({ name: parameterName(camelCase(a.name)), types: typesOf(a) })
  const field = (a: SchemaArgument): Field => ({
    name: camelCase(a.name),
    types: typesOf(a),
    required: a.default === undefined,
  })
  const fields = (rest: SchemaArgument[]): Field[] => {
    const list = rest.map(field)
    return factory ? [...list, { name: 'requiresGrad', types: ['boolean'], required: false }] : list
  }
  const signature = (count: number): Signature => ({
    parameters: positional.slice(0, count).map(parameter),
    fields: fields([...positional.slice(count), ...keyword]),
    result,
  })
  let required = positional.findIndex((a) => a.default !== undefined)
  if (required < 0) required = positional.length
  const signatures: Signature[] = []
  for (let count = required; count <= positional.length; count++) signatures.push(signature(count))
  if (required > (method ? 0 : 1)) signatures.push(signature(method ? 0 : 1))
  if (positional.length === 1 && /^(Sym)?[Ii]nt\[\]$/.test(positional[0]!.type)) {
    const list = parameterName(camelCase(positional[0]!.name))
    signatures.push({ parameters: [{ name: `...${list}`, types: ['number[]'] }], fields: [], result })
    for (let rank = 1; keyword.length > 0 && rank <= spelledOutRanks; rank++) {
      const sizes = Array.from({ length: rank }, (_, i) => ({ name: `size${i}`, types: ['number'] }))
      signatures.push({ parameters: sizes, fields: fields(keyword).map((f) => ({ ...f })), result })
    }
  }
  return signatures
}

/** The call signatures of all overloads together, as few as say the same. */
export function callSignatures(schemas: Schema[], method: boolean): string[] {
  return mergeSignatures(schemas.flatMap((schema) => signaturesOf(schema, method))).map(print)
}

function print({ parameters, fields, result }: Signature): string {
  const list = parameters.map(({ name, types }) => `${name}: ${types.join(' | ')}`)
  if (fields.length > 0) {
    const optional = fields.every((f) => !f.required)
    // a required argument that may be None may also be given as undefined
    const text = fields.map((f) => {
      const explicit = f.required && f.types.includes('null') ? ' | undefined' : ''
      return `${f.name}${f.required ? '' : '?'}: ${f.types.join(' | ')}${explicit}`
    })
    list.push(`options${optional ? '?' : ''}: { ${text.join('; ')} }`)
  }
  return `(${list.join(', ')}): ${result}`
}
