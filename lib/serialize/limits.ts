/**
 * What a pickle may ask for. Files that PyTorch wrote stay far below: a checkpoint of 20,000 tensors has 200,000 objects and
 * is 8 deep. A file that goes beyond is refused before it takes the machine's memory or the stack.
 */
export const limits = {
  /** opcodes of one pickle */
  opcodes: 100_000_000,
  /** strings, containers and calls of one pickle; each takes up to 100 bytes of memory, as much again when it is remembered */
  objects: 3_000_000,
  /** values on the machine's stack at one time; Python's writer never leaves more than 1,000 on it */
  stack: 3_000_000,
  /** containers inside of one another; Python's own writer stops at 1,000 */
  depth: 1_000,
  /** bytes of one pickle */
  pickleBytes: 2 ** 30,
  /** digits of an int written as text, which take quadratic time to read */
  digits: 20_000,
  /** bytes of a binary int */
  intBytes: 2 ** 20,
  /** records may unpack to this many times the file's size, and 256 MB; PyTorch never compresses them */
  expansion: 64,
  /** modules and tensors of a pickled model, each as often as it has a name */
  modules: 1_000_000,
}
