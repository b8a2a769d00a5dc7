/** Process-wide settings and figures. */
import { native } from '../binding.js'
import type { Dtype } from './dtype.js'

/** Threads that one operator may use on the CPU. */
export function getNumThreads(): number {
  return native().getNumThreads()
}

/** Sets the threads that one operator may use on the CPU, ≥ 1. Results may differ in the last bits between counts. */
export function setNumThreads(n: number): void {
  native().setNumThreads(n)
}

/** The floating dtype of new tensors; `float32` unless set. */
export function getDefaultDtype(): Dtype {
  return native().getDefaultDtype() as Dtype
}

export function setDefaultDtype(dtype: Dtype): void {
  native().setDefaultDtype(dtype)
}

/**
 * What is alive in this process: native tensors that JavaScript holds, bytes that LibTorch has allocated on the CPU, and bytes that it
 * has allocated on accelerators (`acceleratorBytes`, all devices together).
 */
export function memoryStats(): { tensors: number; bytes: number; acceleratorBytes: number } {
  return native().memoryStats()
}
