/**
 * The one rule from PyTorch's names to ours: leading and trailing underscores stay, the rest is split at `_`, the first piece
 * stays as it is and the others start with a capital (`log_softmax` → `logSoftmax`, `add_` → `add_`, `T_max` → `TMax`).
 * There is no way back: keys in files are data and are looked up, never converted.
 */
export function camelCase(name: string): string {
  const [, lead, body, trail] = /^(_*)(.*?)(_*)$/.exec(name)!
  const [first, ...rest] = body!.split('_')
  return lead + first! + rest.map((piece) => piece.charAt(0).toUpperCase() + piece.slice(1)).join('') + trail
}
