/**
 * How a model was trained to caption: `captions` in processor_config.json of its folder. Options that the caller leaves out come from
 * there, and if the folder has none, from the paper.
 *
 *     "captions": { "prompt": "..", "prefix": "", "frames_per_second": 2, "max_tokens": 24, "capacity_tokens": 384, "sampling": "greedy" }
 */
import { Fields } from '@casa-js/base'
import type { Vlm } from '../load.ts'
import { captionSampling, type SamplingOptions } from '../sampling/index.ts'
import type { CaptionOptions } from './options.ts'

/** The `captions` fields of a folder. */
export type CaptionDefaults = Pick<
  CaptionOptions,
  'system' | 'prompt' | 'prefix' | 'framesPerSecond' | 'maxTokensPerFrame' | 'capacityTokens'
> & {
  /** `captionSampling`, or { temperature: 0 } if the model's folder says "greedy"; with the model's stop tokens. */
  sampling: SamplingOptions
}

/**
 * The caption settings of a model's folder; fields that it leaves out are absent.
 * @throws ConfigError naming the field of processor_config.json that is wrong
 */
export function captionDefaults({ files, stopIds }: Pick<Vlm, 'files' | 'stopIds'>): CaptionDefaults {
  const f = new Fields(files.processorConfig?.captions ?? {}, 'processor_config.json: captions')
  const sampling = f.oneOf('sampling', ['paper', 'greedy'], 'paper')
  return {
    ...(f.has('system') && { system: f.string('system') }),
    ...(f.has('prompt') && { prompt: f.string('prompt') }),
    ...(f.has('prefix') && { prefix: f.string('prefix') }),
    ...(f.has('frames_per_second') && { framesPerSecond: f.number('frames_per_second') }),
    ...(f.has('max_tokens') && { maxTokensPerFrame: f.integer('max_tokens') }),
    ...(f.has('capacity_tokens') && { capacityTokens: f.integer('capacity_tokens') }),
    sampling: { ...(sampling === 'greedy' ? { temperature: 0 } : captionSampling), stopTokens: stopIds },
  }
}
