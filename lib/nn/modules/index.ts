/** `torch.nn.modules`, as far as it has more than `torch.nn`. */
export * as module from './module.js'
