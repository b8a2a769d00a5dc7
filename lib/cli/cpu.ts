/** Which of its CPU kernels LibTorch will choose here: results differ between them in the last bits. */
import { readFileSync } from 'node:fs'

/** `'avx512'`, `'avx2'`, `'default'`; undefined where the flags of the CPU cannot be read. */
export function cpuCapability(
  env: Record<string, string | undefined> = process.env,
  cpuinfo: string | undefined = readCpuinfo(),
): string | undefined {
  const wanted = env.ATEN_CPU_CAPABILITY
  if (wanted) return wanted
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1]?.split(' ')
  if (!flags) return undefined
  const has = (...names: string[]) => names.every((name) => flags.includes(name))
  if (has('avx512f', 'avx512vl', 'avx512bw', 'avx512dq', 'fma')) return 'avx512'
  return has('avx2', 'fma') ? 'avx2' : 'default'
}

function readCpuinfo(): string | undefined {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return undefined
  }
}
