"""From the start of the process to the first tensor."""

import torch

torch.ones(1)
print("ready", flush=True)
