/**
 * Parameter groups: which weights train, how fast, with how much decay.
 *
 * Groups are chosen by the weight's name in the checkpoint; `*` stands for any run of characters. The first group whose pattern
 * matches takes the weight. The paper's rates: 1e-4 for new weights, 1e-5 for pretrained ones.
 */
import { ConfigError } from '@casa-js/base'
import { type Params } from '@casa-js/core'
import type { Tensor } from '@casa-js/tensor'

export const NEW_RATE = 1e-4
export const PRETRAINED_RATE = 1e-5
/** torch.optim.AdamW's default. */
export const DEFAULT_WEIGHT_DECAY = 0.01

export interface GroupRule {
  name: string
  /** Names of weights, e.g. "casa.*". */
  match: string[]
  /** Peak learning rate. */
  learningRate: number
  /** Decoupled decay of matrices (rank 2 and up). Vectors, that is norms and biases, never decay. */
  weightDecay?: number
}

export interface TrainedWeight {
  name: string
  tensor: Tensor
  group: string
  learningRate: number
  weightDecay: number
}

/** A single group at one learning rate, for training from scratch. */
export const fromScratch = (learningRate = NEW_RATE): GroupRule[] => [{ name: 'new', match: ['*'], learningRate }]

/** New weights at 1e-4, everything else at 1e-5. */
export const adaptation = (newWeights: string[]): GroupRule[] => [
  { name: 'new', match: newWeights, learningRate: NEW_RATE },
  { name: 'pretrained', match: ['*'], learningRate: PRETRAINED_RATE },
]

/** Whether a weight's name fits a pattern, in which `*` stands for any run of characters. */
export function matchesName(pattern: string, name: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${source}$`).test(name)
}

/**
 * The weights that train, in the order of `params`. A weight that `freeze` names is left out.
 * @throws ConfigError if a pattern matches nothing, if a weight belongs to no group, or if nothing is left to train.
 */
export function groupWeights(params: Params, groups: GroupRule[], freeze: string[] = []): TrainedWeight[] {
  const names = Object.keys(params)
  for (const pattern of freeze) demandMatch(pattern, names, 'freeze')
  for (const group of groups) for (const pattern of group.match) demandMatch(pattern, names, `groups.${group.name}.match`)

  const trained: TrainedWeight[] = []
  for (const [name, tensor] of Object.entries(params)) {
    if (freeze.some((pattern) => matchesName(pattern, name))) continue
    const group = groups.find((rule) => rule.match.some((pattern) => matchesName(pattern, name)))
    if (!group) throw new ConfigError('groups', `no group takes the weight "${name}": add a pattern for it, or name it in freeze`)
    const { learningRate, weightDecay = DEFAULT_WEIGHT_DECAY } = group
    trained.push({ name, tensor, group: group.name, learningRate, weightDecay: tensor.rank >= 2 ? weightDecay : 0 })
  }
  if (trained.length === 0) throw new ConfigError('freeze', `all ${names.length} weights are frozen: nothing is left to train`)
  return trained
}

function demandMatch(pattern: string, names: string[], path: string): void {
  if (names.some((name) => matchesName(pattern, name))) return
  const prefix = pattern.split(/[.*]/)[0]!
  const near = names.filter((name) => name.includes(prefix)).slice(0, 3)
  const shown = (near.length > 0 ? near : names.slice(0, 3)).map((name) => `"${name}"`).join(', ')
  throw new ConfigError(
    path,
    `the pattern "${pattern}" matches none of the ${names.length} weights, which are named like ${shown}`,
  )
}
