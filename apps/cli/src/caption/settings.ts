/**
 * How a model was trained to caption: `captions` in processor_config.json of its folder. What the command line does not say comes from
 * there, and where the folder says nothing, from the paper.
 *
 *     "captions": { "prompt": "Describe what happens in the video.", "prefix": "", "frames_per_second": 2, "max_tokens": 24, "sampling": "greedy" }
 */
import { ConfigError } from '@casa-js/base'
import { Fields } from '@casa-js/core'
import { captionSampling, createSampler, type Sampler, type Vlm } from '@casa-js/vlm'
import type { CaptionFlags } from '../commands/caption.ts'

export interface CaptionSettings {
  prompt: string | undefined
  /** '' for none. */
  prefix: string | undefined
  framesPerSecond: number
  maxTokensPerFrame: number
  sampler: Sampler
  /** The folder says how it captions, so it was trained to. */
  isTrained: boolean
}

/** What every live captioner of the paper takes. */
const paper = { framesPerSecond: 2, maxTokens: 20 }

/** @throws ConfigError naming the field of processor_config.json that is wrong. */
export function captionSettings(vlm: Pick<Vlm, 'files' | 'stopIds'>, flags: CaptionFlags): CaptionSettings {
  const own = vlm.files.processorConfig?.captions
  const fields = new Fields(own ?? {}, 'processor_config.json: captions')
  const text = (name: string) => (fields.has(name) ? fields.string(name) : undefined)
  const number = (name: string, fallback: number) => (fields.has(name) ? fields.number(name) : fallback)
  const sampling = text('sampling') ?? 'paper'
  if (sampling !== 'paper' && sampling !== 'greedy')
    throw new ConfigError(fields.at('sampling'), `expected "paper" or "greedy", found "${sampling}"`)
  const { temperature, seed } = flags
  const base = sampling === 'greedy' ? { temperature: 0 } : captionSampling
  return {
    prompt: flags.prompt ?? text('prompt'),
    prefix: flags.prefix ?? text('prefix'),
    framesPerSecond: flags.fps ?? number('frames_per_second', paper.framesPerSecond),
    maxTokensPerFrame: flags.maxTokens ?? number('max_tokens', paper.maxTokens),
    sampler: createSampler({ ...base, stopTokens: vlm.stopIds, seed, ...(temperature !== undefined && { temperature }) }),
    isTrained: own !== undefined,
  }
}
