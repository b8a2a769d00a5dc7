/** What `torch.nn.utils` offers. */
export * as rnn from './rnn.js'
