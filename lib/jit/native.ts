/** The part of the addon's contract that native/jit keeps; `Binding` in binding.d.ts has all of it. */
import type { Handle } from '../../binding.js'
import type { Tensor } from '../tensor/tensor.js'

export type ScriptHandle = Handle<'script module'>

/** What a TorchScript module holds: its slots in order. */
export interface ScriptMember {
  name: string
  kind: 'parameter' | 'buffer' | 'module' | 'attribute'
  /** the declared type, as Python writes it */
  type: string
}
/** An argument of a method; `takesDict`: an object may be its value, so that it is no list of keyword arguments. */
export interface ScriptArgument {
  name: string
  takesDict: boolean
}

/** Values go in the form of `values.ts`. */
export interface ScriptBinding {
  /** Reads an archive and prepares its program; nothing of it runs yet. `device` null: each storage to its own. */
  scriptLoad(
    source: string | Uint8Array,
    device: string | null,
    extraFiles: string[],
  ): { module: ScriptHandle; extra: Record<string, Uint8Array> }
  scriptDescribe(m: ScriptHandle): { name: string; members: ScriptMember[]; methods: string[] }
  scriptGet(m: ScriptHandle, slot: number): unknown
  scriptSet(m: ScriptHandle, slot: number, value: unknown): void
  /** Equal as long as the tensor in the slot is the same; 0n where there is none */
  scriptTensorId(m: ScriptHandle, slot: number): bigint
  scriptTensor(out: Tensor, m: ScriptHandle, slot: number): Tensor | null
  scriptArguments(m: ScriptHandle, method: string): ScriptArgument[]
  /** `names` are those of the last values, which are keyword arguments. */
  scriptCall(m: ScriptHandle, method: string, values: unknown[], names: string[]): unknown
  scriptCallAsync(m: ScriptHandle, method: string, values: unknown[], names: string[]): Promise<unknown>
  scriptText(m: ScriptHandle, method: string, what: 'code' | 'graph' | 'inlined graph'): string
  /** Writes to an open file; the number of the system's error, or 0. */
  scriptSave(m: ScriptHandle, fd: number, extraFiles: [string, Uint8Array][]): number
  scriptSaveToBuffer(m: ScriptHandle, extraFiles: [string, Uint8Array][]): Uint8Array
  scriptFreeze(m: ScriptHandle, preserved: string[], optimizeNumerics: boolean): ScriptHandle
  scriptOptimize(m: ScriptHandle, otherMethods: string[]): ScriptHandle
  /** Deep: tensors of its own; else the same values in slots of its own. */
  scriptCopy(m: ScriptHandle, deep: boolean): ScriptHandle
}
