/** What the commands that talk to a model have in common. */
import { ConfigError } from '@casa-js/base'
import { Option } from 'commander'

export type WeightsChoice = 'packed' | 'float32'

export const weightsOption = () =>
  new Option('--weights <form>', 'packed: in memory as in the folder; float32: unpacked, for comparison')
    .choices(['packed', 'float32'])
    .default('packed')

/** @throws ConfigError naming the flag, unless `text` is a finite number of at least `least`. */
export function numberOf(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < least) throw new ConfigError(`${flag} ${text}`, `expected a number of at least ${least}`)
  return value
}
