import { createRequire } from 'node:module'
import type { SingleBar } from 'cli-progress'
import { ArgumentError } from '../errors.js'
import { checkOptions } from './options.js'

export interface ProgressOptions {
  /** What is counted, shown in front. */
  desc?: string
  /** Number of rounds; by default the `length` or `size` of the iterable, where it has one. */
  total?: number
  /** Where to draw (default: standard error). */
  stream?: NodeJS.WriteStream
}

const require = createRequire(import.meta.url)

const known = ['desc', 'total', 'stream']

/** Without a terminal, a line at most this often, in milliseconds; and one at the end. */
const lineInterval = 10_000

/**
 * Goes through `iterable` and shows how far it is, how fast, and how long it will take: a bar on a terminal, plain lines
 * elsewhere, and in CI (where the environment has `CI`). It draws from inside the loop, so a synchronous one shows it too.
 * @param iterable - what the loop goes through; it is read once, as the loop asks for it
 * @throws {@link ArgumentError} when it is nothing to go through, for an unknown option, or for a total below 0
 * @example
 * const bar = torch.utils.progress(loader, { desc: 'epoch 1' })
 * for (const [x, y] of bar) bar.setPostfix({ loss: step(x, y) })
 */
export function progress<T>(iterable: Iterable<T>, options?: ProgressOptions): Progress<T> & Iterable<T>
export function progress<T>(iterable: AsyncIterable<T>, options?: ProgressOptions): Progress<T>
export function progress<T>(iterable: Iterable<T> | AsyncIterable<T>, options: ProgressOptions = {}): Progress<T> {
  return new Progress(iterable, options)
}

/** What {@link progress} returns. */
export class Progress<T> implements AsyncIterable<T> {
  readonly #source: Iterable<T> | AsyncIterable<T>
  readonly #total: number | undefined
  readonly #desc: string
  readonly #stream: NodeJS.WriteStream
  #postfix = ''

  constructor(source: Iterable<T> | AsyncIterable<T>, options: ProgressOptions) {
    checkOptions('progress', options, known)
    const isIterable =
      source !== null &&
      source !== undefined &&
      (Symbol.iterator in Object(source) || Symbol.asyncIterator in Object(source))
    if (!isIterable) {
      const hint = typeof source === 'number' ? '; for so many rounds give Array(n).keys() and the total' : ''
      throw new ArgumentError(`progress: expected something to loop over, received ${String(source)}${hint}`)
    }
    const sized = source as { length?: number; size?: number }
    const total = options.total ?? sized.length ?? sized.size
    if (total !== undefined && !(total >= 0)) throw new ArgumentError(`progress: total should be ≥ 0, but is ${total}`)
    this.#source = source
    this.#total = total
    this.#desc = options.desc ?? ''
    this.#stream = options.stream ?? process.stderr
  }

  /** Shows values behind the bar, from the next round on; numbers with four digits. */
  setPostfix(values: Record<string, number | bigint | string>): void {
    this.#postfix = Object.entries(values)
      .map(([name, value]) => `${name}=${typeof value === 'number' ? fourDigits(value) : value}`)
      .join(', ')
  }

  *[Symbol.iterator](): IterableIterator<T> {
    const display = this.#display()
    try {
      for (const item of this.#source as Iterable<T>) {
        yield item
        display.advance(this.#postfix)
      }
    } finally {
      display.end(this.#postfix)
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const display = this.#display()
    try {
      for await (const item of this.#source) {
        yield item
        display.advance(this.#postfix)
      }
    } finally {
      display.end(this.#postfix)
    }
  }

  #display(): Display {
    return this.#stream.isTTY && !process.env.CI
      ? new Bar(this.#desc, this.#total, this.#stream)
      : new Lines(this.#desc, this.#total, this.#stream)
  }
}

interface Display {
  advance(postfix: string): void
  end(postfix: string): void
}

class Bar implements Display {
  readonly #bar: SingleBar

  constructor(desc: string, total: number | undefined, stream: NodeJS.WriteStream) {
    const label = desc && `${desc} `
    // Loaded here, as most programs that use tensors draw no bar.
    const library: typeof import('cli-progress') = require('cli-progress')
    this.#bar = new library.SingleBar({
      stream,
      format: (_options, { value, total: end, startTime, progress: share, maxWidth }, { postfix }) => {
        const seconds = (Date.now() - startTime) / 1000
        const left = total === undefined || value === 0 ? undefined : (seconds / value) * (end - value)
        const text = summary(value, total, seconds, left, postfix)
        if (total === undefined) return `${label}${text}`.slice(0, maxWidth - 1)
        const before = `${label}${Math.floor(share * 100)}% `
        // The bar takes the room that the words leave.
        const size = Math.min(Math.max(maxWidth - before.length - text.length - 2, 6), 24)
        const filled = Math.round(share * size)
        return `${before}${'█'.repeat(filled)}${'░'.repeat(size - filled)} ${text}`.slice(0, maxWidth - 1)
      },
      // A handler of ours could not run inside a synchronous loop, and would keep Ctrl-C from ending the process.
      gracefulExit: false,
      // Nor could it give back a cursor or a line wrapping that was switched off.
      hideCursor: false,
      linewrap: true,
    })
    this.#bar.start(total ?? 0, 0, { postfix: '' })
  }

  advance(postfix: string): void {
    this.#bar.increment(1, { postfix })
  }

  end(postfix: string): void {
    this.#bar.update({ postfix })
    this.#bar.stop()
  }
}

class Lines implements Display {
  readonly #desc: string
  readonly #total: number | undefined
  readonly #stream: NodeJS.WriteStream
  readonly #start = performance.now()
  #lastLine = this.#start
  #value = 0

  constructor(desc: string, total: number | undefined, stream: NodeJS.WriteStream) {
    this.#desc = desc && `${desc} `
    this.#total = total
    this.#stream = stream
  }

  advance(postfix: string): void {
    this.#value++
    const now = performance.now()
    if (now - this.#lastLine < lineInterval) return
    this.#lastLine = now
    const left = this.#total && ((now - this.#start) / 1000 / this.#value) * (this.#total - this.#value)
    this.#write(postfix, left)
  }

  end(postfix: string): void {
    this.#write(postfix, undefined)
  }

  #write(postfix: string, left: number | undefined): void {
    const seconds = (performance.now() - this.#start) / 1000
    this.#stream.write(`${this.#desc}${summary(this.#value, this.#total, seconds, left, postfix)}\n`)
  }
}

/** '17/23, 48.1 it/s, ETA 00:01, loss=0.25', and at the end the time that it took instead of the time left */
function summary(value: number, total: number | undefined, seconds: number, left: number | undefined, postfix: string) {
  return [
    total === undefined ? String(value) : `${value}/${total}`,
    rate(value, seconds),
    left ? `ETA ${clock(left)}` : clock(seconds),
    postfix,
  ]
    .filter(Boolean)
    .join(', ')
}

function rate(value: number, seconds: number): string {
  const perSecond = value / Math.max(seconds, 1e-6)
  return value > 0 && perSecond < 1 ? `${(1 / perSecond).toFixed(1)} s/it` : `${perSecond.toFixed(1)} it/s`
}

function clock(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  return `${hours ? `${hours}:` : ''}${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`
}

function fourDigits(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
