/** The typed layer over state dicts: other keys, partial loading, freezing, parameter groups. */
export type { StateDict } from '../nn/types.js'
export { adaptInputConv } from './adapt.js'
export { cloneStateDict } from './clone.js'
export { type FreezeOptions, freeze, trainable, type UnfreezeOptions, unfreeze } from './freeze.js'
export { GradualUnfreeze, type UnfreezeStep } from './gradual-unfreeze.js'
export { type GroupRule, type NamedGroup, type ParamGroupsOptions, paramGroups } from './groups.js'
export { replaceHead } from './head.js'
export { addPrefix, type RenameRule, renameKeys, stripPrefix } from './keys.js'
export {
  type Adapt,
  type LoadMatchingOptions,
  type LoadReport,
  loadMatching,
  type MatchReport,
  type Mismatch,
  matchStateDict,
} from './match.js'
export { type FrozenReport, frozenReport, trainableStateDict } from './report.js'
export type { AddPrefix, RenamedKeys, SameKeys, StateDictLike, StripPrefix } from './types.js'
