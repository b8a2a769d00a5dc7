/**
 * The optimizers that C++ can save, and what each says of its groups and parameters. Keys are in the order of Python's state dicts.
 * Sources: torch/csrc/api/include/torch/optim/{sgd,adam,adamw,adagrad,rmsprop,lbfgs}.h and torch/optim/*.py, PyTorch 2.13 (cf30153c).
 */

/** What C++ declares an option to be; `floats` is a pair. */
export type OptionType = 'float' | 'int' | 'bool' | 'floats' | 'int?' | 'str?'
/** What it declares a value of a parameter's state to be; a `step` is an int in C++ and a tensor in Python. */
export type StateType = 'step' | 'int' | 'float' | 'tensor' | 'tensors' | 'tensors?'

/** An option that only Python has: its default there. */
export interface PythonOnly {
  only: boolean | null
}

export interface OptimizerKind {
  name: string
  options: Readonly<Record<string, OptionType | PythonOnly>>
  state: Readonly<Record<string, StateType>>
}

const off: PythonOnly = { only: false }
const unset: PythonOnly = { only: null }

export const optimizerKinds: readonly OptimizerKind[] = [
  {
    name: 'SGD',
    options: {
      lr: 'float',
      momentum: 'float',
      dampening: 'float',
      weight_decay: 'float',
      nesterov: 'bool',
      maximize: off,
      foreach: unset,
      differentiable: off,
      fused: unset,
    },
    state: { momentum_buffer: 'tensor' },
  },
  {
    // AdamW saves the same: which of the two it is, is not in the file
    name: 'Adam',
    options: {
      lr: 'float',
      betas: 'floats',
      eps: 'float',
      weight_decay: 'float',
      amsgrad: 'bool',
      maximize: off,
      foreach: unset,
      capturable: off,
      differentiable: off,
      fused: unset,
    },
    state: { step: 'step', exp_avg: 'tensor', exp_avg_sq: 'tensor', max_exp_avg_sq: 'tensor' },
  },
  {
    name: 'Adagrad',
    options: {
      lr: 'float',
      lr_decay: 'float',
      eps: 'float',
      weight_decay: 'float',
      initial_accumulator_value: 'float',
      foreach: unset,
      maximize: off,
      differentiable: off,
      fused: unset,
    },
    state: { step: 'step', sum: 'tensor' },
  },
  {
    name: 'RMSprop',
    options: {
      lr: 'float',
      momentum: 'float',
      alpha: 'float',
      eps: 'float',
      centered: 'bool',
      weight_decay: 'float',
      capturable: off,
      foreach: unset,
      maximize: off,
      differentiable: off,
    },
    state: { step: 'step', square_avg: 'tensor', momentum_buffer: 'tensor', grad_avg: 'tensor' },
  },
  {
    name: 'LBFGS',
    options: {
      lr: 'float',
      max_iter: 'int',
      max_eval: 'int?',
      tolerance_grad: 'float',
      tolerance_change: 'float',
      history_size: 'int',
      line_search_fn: 'str?',
    },
    state: {
      func_evals: 'int',
      n_iter: 'int',
      al: 'tensors?',
      d: 'tensor',
      t: 'float',
      old_dirs: 'tensors',
      old_stps: 'tensors',
      ro: 'tensors',
      H_diag: 'tensor',
      prev_flat_grad: 'tensor',
      prev_loss: 'float',
    },
  },
]

/** The optimizer whose options these are. */
export function kindOfOptions(has: (option: string) => boolean): OptimizerKind | undefined {
  return optimizerKinds.find(({ options }) =>
    Object.entries(options).every(([key, type]) => typeof type === 'object' || has(key)),
  )
}
