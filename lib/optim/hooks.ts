/** What a hook is taken off with. */
export interface RemovableHandle {
  remove(): void
}

/** Functions to call at one point, in the order in which they came. */
export class Hooks<F> {
  #functions: { hook: F }[] = []

  add(hook: F, prepend = false): RemovableHandle {
    const entry = { hook }
    if (prepend) this.#functions.unshift(entry)
    else this.#functions.push(entry)
    return {
      remove: () => {
        this.#functions = this.#functions.filter((other) => other !== entry)
      },
    }
  }

  get empty(): boolean {
    return this.#functions.length === 0
  }

  /** Those of now: a hook may add or remove others. */
  *[Symbol.iterator](): Iterator<F> {
    for (const { hook } of [...this.#functions]) yield hook
  }
}
