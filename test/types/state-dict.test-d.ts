/** Typed keys and patterns; the compiler is the test. */
import * as torch from 'libtorch-node'

const { nn } = torch

class Net extends nn.Module {
  backbone = new nn.Sequential({ conv: new nn.Conv2d(1, 2, 3), bn1: new nn.BatchNorm2d(2) })
  fc = new nn.Linear(2, 3)
}

/** Never called: the types of these statements are what is tested. */
export function types(net: Net, loose: torch.nn.Module, text: string): void {
  const wrapped = torch.addPrefix(net.stateDict(), 'module.')
  const weights: torch.Tensor[] = [wrapped['module.fc.weight'], wrapped['module.backbone.bn1.running_mean']]
  const plain = torch.stripPrefix(wrapped, 'module.')
  weights.push(plain['fc.weight'], torch.stripPrefix(wrapped, ['module.', '_orig_mod.'])['backbone.conv.bias'])
  // @ts-expect-error the prefix is off
  weights.push(plain['module.fc.weight'])
  const stateDict: torch.StateDict<Net> = plain

  // what comes out of a file has no known type, and goes into a model all the same
  const file = torch.loadSync(text)
  net.loadStateDict(torch.stripPrefix(file, 'module.'))
  net.loadStateDict(torch.addPrefix(file, 'module.'))
  net.loadStateDict(torch.renameKeys(file, [['a', 'b']]))
  net.loadStateDict(torch.cloneStateDict(file))
  weights.push(torch.stripPrefix(file, ['module.', '_orig_mod.'])['fc.weight']!)

  torch.freeze(net, 'backbone.*', 'fc.weight', '**.bn?.*', { stats: 'update' })
  torch.freeze(net)
  torch.freeze(net, text)
  torch.freeze(loose, 'anything')
  // @ts-expect-error misspelt
  torch.freeze(net, 'backbon.*')
  // @ts-expect-error a module's bare name
  torch.freeze(net, 'backbone')
  // @ts-expect-error no such parameter
  torch.unfreeze(net, 'fc.wieght')
  // @ts-expect-error no such option
  torch.freeze(net, 'fc.*', { stat: 'update' })

  torch.paramGroups(net, [{ match: 'fc.*', lr: 1 }, { match: '**' }])
  // @ts-expect-error misspelt
  torch.paramGroups(net, [{ match: 'head.*', lr: 1 }])
  torch.loadMatching(net, stateDict, { skip: ['fc.*'], adapt: { 'backbone.conv.weight': 'inputChannels' } })
  // @ts-expect-error no such key
  torch.loadMatching(net, stateDict, { adapt: { 'conv.weight': 'inputChannels' } })
  const [first] = torch.trainable(net)
  const name: 'fc.weight' | string = first![0]
  void name
}
