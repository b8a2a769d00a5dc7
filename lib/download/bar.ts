/** Draws the progress of a download or an installation: a bar on a terminal, plain lines in a file and in CI. */
import { megabytes, type Reporter } from './report.js'

export interface Output {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

/** A reporter that writes to `out`. */
export function barReporter(
  out: Output = process.stderr,
  env: Record<string, string | undefined> = process.env,
): Reporter & { end(): void } {
  const terminal = Boolean(out.isTTY) && !env.CI
  let started = 0
  let drawn = 0
  let open = false
  const end = () => {
    if (open) out.write('\n')
    open = false
  }
  return {
    terminal,
    end,
    step(text) {
      end()
      out.write(`${text}\n`)
      started = 0
    },
    progress(done, total) {
      const now = Date.now()
      if (started === 0) started = now
      const finished = done === total
      // ten times a second is all that an eye can follow
      if (!terminal || (!finished && now - drawn < 100)) return
      drawn = now
      open = true
      out.write(`\r\x1b[K${barLine(done, total, (now - started) / 1000, out.columns || 80)}`)
    },
  }
}

/** `'[#####-----]  50%  91.5 / 182.9 MB  12.0 MB/s  8 s left'` */
export function barLine(done: number, total: number | undefined, seconds: number, columns: number): string {
  const speed = seconds > 0.5 ? done / seconds : 0
  const rate = speed > 0 ? `  ${megabytes(speed)}/s` : ''
  if (total === undefined || total === 0) return `${megabytes(done)}${rate}`
  const share = Math.min(1, done / total)
  const left = speed > 0 && share < 1 ? `  ${Math.ceil((total - done) / speed)} s left` : ''
  const text = ` ${String(Math.floor(share * 100)).padStart(3)}%  ${megabytes(done)} / ${megabytes(total)}${rate}${left}`
  const width = Math.max(0, Math.min(30, columns - text.length - 3))
  const filled = Math.round(share * width)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]${text}`
}
