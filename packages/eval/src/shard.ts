/** Parts of an evaluation for several machines: each takes every n-th example, and their results merge into one file. */
import { ConfigError } from '@casa-js/base'

export interface Shard {
  /** From 1. */
  index: number
  count: number
}

/**
 * Reads "i/n".
 *
 * @throws ConfigError for anything else
 */
export function shardOf(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text)
  const [index, count] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || index < 1 || index > count) throw new ConfigError(`shard ${text}`, 'expected i/n, e.g. 1/4, with 1 <= i <= n')
  return { index, count }
}
