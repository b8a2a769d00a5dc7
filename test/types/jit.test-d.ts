/** Modules of TorchScript as types; the compiler is the test. */
import * as torch from 'libtorch-node'

const { jit } = torch

/** Never called: the types of these statements are what is tested. */
export async function types(x: torch.Tensor): Promise<void> {
  const model: torch.nn.Module = jit.load('model.pt', { mapLocation: 'cpu', extraFiles: { 'notes.txt': '' } })
  const script: torch.jit.ScriptModule = jit.load(new Uint8Array(), 'cpu')
  script.method('encode', x, { scale: 2 })
  script.encode(x)
  script.loadStateDict(model.stateDict(), { strict: false })
  const state: Record<string, torch.Tensor> = script.stateDict()
  script.save('model.pt', { extraFiles: { 'notes.txt': 'text', bytes: new Uint8Array() } })
  const text: string = script.code + script.graph + script.originalName
  new torch.optim.SGD(script.parameters(), { lr: 0.1 })
  // @ts-expect-error only one device for all
  jit.load('model.pt', { mapLocation: { cuda: 'cpu' } })
  // @ts-expect-error only scripted modules can be frozen
  jit.freeze(new torch.nn.Linear(1, 1))
  jit.freeze(script, { preservedAttrs: ['encode'], optimizeNumerics: false })
  jit.optimizeForInference(script, { otherMethods: ['encode'] })
  await script.forwardAsync(x)
  void [state, text]
}
