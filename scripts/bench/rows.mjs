/** The rows of the table: what is measured, what it is called, the largest ratio to Python that is accepted, and whether tfjs has it. */
const op = (name, title, more) => ({ name, title, goal: 1, ...more })

export const rows = [
  op('add', '`a.add(b)`, 2×2', { tfjs: true }),
  op('mul', '`a.mul(b)`, 2×2', { tfjs: true }),
  op('matmul', '`a.matmul(b)`, 2×2', { tfjs: true }),
  op('sum', '`a.sum()`, 2×2', { tfjs: true }),
  op('view', '`a.view(4)`, 2×2'),
  op('index', '`a.index(0)` / `a[0]`, 2×2'),
  { name: 'mlp sgd', title: 'MLP 10-32-32-1, batch 64: a step with SGD', goal: 0.5, tfjs: true },
  { name: 'mlp adam', title: 'MLP 10-32-32-1, batch 64: a step with Adam', goal: 0.5, tfjs: true },
  { name: 'example', title: 'net of examples/resume, batch 64: a step', goal: 1, tfjs: true },
  { name: 'lstm', title: 'LSTM 32→64, 20 steps, batch 16: a step with SGD', goal: 0.8, tfjs: true },
  { name: 'transformer layer', title: 'TransformerEncoderLayer 64, 4 heads, batch 16: a step with SGD', goal: 0.8 },
  { name: 'resnet18 step', title: 'ResNet-18, 32×32, batch 8: a step with SGD', goal: 1.02 },
  { name: 'resnet18 eval', title: 'ResNet-18, 32×32, batch 8: evaluation', goal: 1 },
  { name: 'resnet18 eval 224', title: 'ResNet-18, 224×224, batch 8: evaluation', goal: 1 },
  ...['SGD', 'Adam', 'AdamW', 'fused AdamW'].flatMap((optimizer) => [
    { name: `500 small ${optimizer}`, title: `${optimizer}: a step for 500 parameters of 1,000 numbers`, goal: 0.6 },
    { name: `10 large ${optimizer}`, title: `${optimizer}: a step for 10 parameters of 4 MB`, goal: 1 },
  ]),
  { name: 'load 512 MB', title: '`torch.load`, 128 tensors of 4 MB', goal: 1 },
  { name: 'load 512 MB mapped', title: '`torch.load` with `mmap`, 128 tensors of 4 MB', goal: 1.5 },
  { name: 'load 20,000 small', title: '`torch.load`, 20,000 tensors of 64 bytes', goal: 0.15 },
  { name: 'save 512 MB', title: '`torch.save`, 128 tensors of 4 MB', goal: 1 },
  { name: 'save 20,000 small', title: '`torch.save`, 20,000 tensors of 64 bytes', goal: 0.5 },
  { name: 'start', title: 'from the start of the process to the first tensor', goal: 0.3 },
]
