/**
 * No fewer than the levels of the tree that a program in TorchScript is parsed into: blocks by their indentation, brackets, and
 * all that stands between two commas, as in `- - - x` or `a + b + c`, where each word and sign may be a level.
 */
export function codeDepth(program: string): number {
  let deepest = 0
  let branches = 0
  /** words and signs since the last comma, for each bracket that is open */
  let counts = [0]
  let levels = 0
  for (const [token] of program.matchAll(tokens)) {
    const first = token[0]!
    if (first === '\n') {
      // inside of brackets a line goes on
      if (counts.length > 1) continue
      counts = [0]
      levels = 0
      deepest = Math.max(deepest, indentation(token))
      // each `elif` is inside of the one before
      branches = token.endsWith('elif') ? branches + 1 : token.endsWith('if') ? 0 : branches
      deepest = Math.max(deepest, branches)
    } else if (first === ',') {
      levels -= counts[counts.length - 1]!
      counts[counts.length - 1] = 0
    } else {
      counts[counts.length - 1]!++
      levels++
      if (first === '(' || first === '[' || first === '{') counts.push(0)
      else if ((first === ')' || first === ']' || first === '}') && counts.length > 1) levels -= counts.pop()!
    }
    deepest = Math.max(deepest, levels)
  }
  return deepest
}

/** Lines with their indentation, texts, words and numbers, and signs; blanks and comments are none. */
const tokens =
  /\n[ \t]*(?:elif|if)?|#[^\n]*|"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'|\w+|[^\s\w]/g

function indentation(line: string): number {
  let columns = 0
  for (const char of line) columns += char === '\t' ? 2 : char === ' ' ? 1 : 0
  return columns / 2
}
