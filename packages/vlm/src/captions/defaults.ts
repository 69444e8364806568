/**
 * How a model was trained to caption: `captions` in processor_config.json of its folder. What the caller does not say comes from
 * there, and where the folder says nothing, from the paper.
 *
 *     "captions": { "prompt": "..", "prefix": "", "frames_per_second": 2, "max_tokens": 24, "capacity_tokens": 384, "sampling": "greedy" }
 */
import { Fields } from '@casa-js/base'
import type { Vlm } from '../load.ts'
import { captionSampling, type SamplingOptions } from '../sampling/index.ts'
import type { CaptionOptions } from './options.ts'

/** What a folder may say. */
export type CaptionDefaults = Pick<
  CaptionOptions,
  'system' | 'prompt' | 'prefix' | 'framesPerSecond' | 'maxTokensPerFrame' | 'capacityTokens'
> & {
  /** `captionSampling`, or { temperature: 0 } for a model that says "greedy"; its stop tokens with it. */
  sampling: SamplingOptions
}

/**
 * What a model's folder says of captioning; fields that it leaves out are absent.
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
