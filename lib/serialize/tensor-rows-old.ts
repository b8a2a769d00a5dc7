/**
 * Tensors, Variables and Parameters as PyTorch before 0.4 pickled them: a class is called, and its state set. Source:
 * `Tensor.__setstate__` of torch/_tensor.py, PyTorch 2.13 (cf30153c), which reads them all.
 */
import type { GlobalRow } from './globals.js'
import { kindOf, type Node, PyCall, PyGlobal, PyTuple } from './nodes.js'
import type { Reviver } from './revive.js'

const kinds = ['Double', 'Float', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool']
const classes = ['torch', 'torch.cuda'].flatMap((module) => kinds.map((kind) => `${module}.${kind}Tensor`))

export const oldTensorRows: Record<string, GlobalRow> = {
  ...Object.fromEntries(classes.map((path) => [path, { call: tensor }])),
  'torch.nn.parameter.Parameter': { call: (call, r) => variable(call, r, true) },
  'torch.autograd.variable.Variable': { call: (call, r) => variable(call, r, false) },
}

/** `torch.FloatTensor()`, and then `set_(storage, offset, size, stride)` */
function tensor(call: PyCall, r: Reviver): unknown {
  if (call.args.items.length > 0) return undefined
  if (!(call.state instanceof PyTuple && call.state.items.length === 4)) {
    throw r.bad(call, `its state has to be a storage, an offset, sizes and strides, not ${kindOf(call.state)}`)
  }
  return r.value(rebuild(call.state, call.offset))
}

function rebuild(state: PyTuple, offset: number): PyCall {
  return new PyCall('reduce', new PyGlobal('torch._utils', '_rebuild_tensor'), state, undefined, offset)
}

/** `Parameter(data, requires_grad)`, and then its state, which has had three forms. */
function variable(call: PyCall, r: Reviver, parameter: boolean): unknown {
  const [data, flag, ...rest] = call.args.items
  if (rest.length > 0) return undefined
  const state = call.state instanceof PyTuple ? call.state.items : []
  if (call.state !== undefined && state.length !== 3 && state.length !== 4 && state.length !== 5) {
    throw r.bad(call, `${kindOf(call.state)} is not the state of a Variable`)
  }
  // (requires_grad, volatile, hooks); (storage, offset, size, stride); (data, grad, hooks, requires_grad, volatile)
  const values = state.length === 4 ? rebuild(call.state as PyTuple, call.offset) : state.length === 5 ? state[0] : data
  const given = state.length === 3 ? state[0] : state.length === 5 ? state[3] : (flag ?? parameter)
  const made = values === undefined ? undefined : r.value(parameter ? values : withGrad(values, given === true))
  if (!r.tensors.isTensor(made)) throw r.bad(call, `needs a tensor, not ${kindOf(values)}`)
  return parameter ? r.tensors.parameter(made, given === true) : made
}

/** A tensor of its own over the memory of another one, which may need a gradient. */
function withGrad(data: Node, requiresGrad: boolean): Node {
  if (!(data instanceof PyCall)) return data
  const plain = data.state instanceof PyTuple && data.args.items.length === 0 ? rebuild(data.state, data.offset) : data
  if (!plain.path.startsWith('torch._utils._rebuild_tensor')) return data
  const { items } = plain.args
  const args = new PyTuple([...items.slice(0, 4), requiresGrad, ...items.slice(5)])
  return new PyCall('reduce', plain.callable, args, undefined, plain.offset)
}
