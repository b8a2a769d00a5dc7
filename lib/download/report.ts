/** How a download or an installation tells what it does; somebody else draws it. */
export interface Reporter {
  /** A new step begins. */
  step(text: string): void
  /** The step has come so far; `total` is undefined when it is not known. Units are bytes. */
  progress(done: number, total?: number): void
  /** True where programs that are started may draw on the terminal themselves. */
  terminal: boolean
}

export const silent: Reporter = { step() {}, progress() {}, terminal: false }

/** `'182.9 MB'` */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
