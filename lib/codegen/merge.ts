/**
 * Makes one signature of two that differ in one place: `add(other: Tensor)` and `add(other: Scalar)` become
 * `add(other: Tensor | Scalar)`. TypeScript picks one overload for a call, so a caller who has a `Tensor | number` could not
 * call the two.
 */
export interface Parameter {
  /** with `...` where it takes the rest */
  name: string
  /** members of its union type */
  types: string[]
}
/** A property of the options object. */
export interface Field extends Parameter {
  required: boolean
}
export interface Signature {
  parameters: Parameter[]
  fields: Field[]
  result: string
}

export function mergeSignatures(signatures: Signature[]): Signature[] {
  const merged = [...signatures]
  for (let again = true; again; ) {
    again = false
    for (let i = 0; i < merged.length; i++) {
      for (let j = i + 1; j < merged.length; j++) {
        const one = mergeTwo(merged[i]!, merged[j]!)
        if (!one) continue
        merged[i] = one
        merged.splice(j--, 1)
        again = true
      }
    }
  }
  return merged
}

const sameTypes = (a: Parameter, b: Parameter) =>
  a.types.length === b.types.length && a.types.every((t) => b.types.includes(t))
const within = (a: Parameter, b: Parameter) => a.types.every((t) => b.types.includes(t))

function union<T extends Parameter>(a: T, b: T): T {
  const types = [...new Set([...a.types, ...b.types])]
  return { ...a, types: types.includes('null') ? [...types.filter((t) => t !== 'null'), 'null'] : types }
}

/** The signature that takes what `a` or `b` takes and nothing else; undefined when there is none. */
function mergeTwo(a: Signature, b: Signature): Signature | undefined {
  if (a.result !== b.result || a.parameters.length !== b.parameters.length) return undefined
  const rest = (s: Signature) => s.parameters.some((p) => p.name.startsWith('...'))
  if (rest(a) !== rest(b)) return undefined
  if (takesAll(b, a)) return b
  if (takesAll(a, b)) return a
  const places = a.parameters.flatMap((p, i) => (sameTypes(p, b.parameters[i]!) ? [] : [i]))
  if (places.length === 0) return withFields(a, b)
  if (places.length > 1 || !sameFields(a.fields, b.fields)) return undefined
  const at = places[0]!
  return { ...a, parameters: a.parameters.map((p, i) => (i === at ? union(p, b.parameters[i]!) : p)) }
}

/** Whether every call that fits `few` also fits `all`. */
function takesAll(all: Signature, few: Signature): boolean {
  if (!few.parameters.every((p, i) => within(p, all.parameters[i]!))) return false
  const known = new Map(all.fields.map((f) => [f.name, f]))
  if (!few.fields.every((f) => known.has(f.name) && within(f, known.get(f.name)!))) return false
  return all.fields.every((f) => !f.required || few.fields.some((other) => other.name === f.name && other.required))
}

function sameFields(a: Field[], b: Field[]): boolean {
  return (
    a.length === b.length &&
    a.every((f) => b.some((o) => o.name === f.name && o.required === f.required && sameTypes(f, o)))
  )
}

/** Merges options that differ in the types of one property, or in a required one that the other does not have. */
function withFields(a: Signature, b: Signature): Signature | undefined {
  const namesOf = (fields: Field[]) => fields.map((f) => f.name)
  const extra = a.fields.filter((f) => !namesOf(b.fields).includes(f.name))
  const missing = b.fields.filter((f) => !namesOf(a.fields).includes(f.name))
  if (extra.length + missing.length === 0) {
    const differing = a.fields.filter((f) => {
      const other = b.fields.find((o) => o.name === f.name)!
      return !sameTypes(f, other) || f.required !== other.required
    })
    if (
      differing.length !== 1 ||
      differing[0]!.required !== b.fields.find((f) => f.name === differing[0]!.name)!.required
    )
      return undefined
    const other = b.fields.find((f) => f.name === differing[0]!.name)!
    return { ...a, fields: a.fields.map((f) => (f === differing[0] ? union(f, other) : f)) }
  }
  const [longer, shorter, more] = extra.length > 0 ? [a, b, extra] : [b, a, missing]
  if (extra.length > 0 && missing.length > 0) return undefined
  if (more.length > 1) return undefined
  const left = longer.fields.filter((f) => f !== more[0])
  if (!sameFields(left, shorter.fields)) return undefined
  return { ...longer, fields: longer.fields.map((f) => (f === more[0] ? { ...f, required: false } : f)) }
}
