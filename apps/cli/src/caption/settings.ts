/** What the command line says of captioning, over what the model's folder says (`captions` in processor_config.json), over the paper. */
import { captionDefaults, createSampler, type CaptionOptions, type Vlm } from '@casa-js/vlm'
import type { CaptionFlags } from '../commands/caption.ts'

export interface CaptionSettings extends CaptionOptions {
  framesPerSecond: number
  /** The folder says how its model captions, so it was trained to. */
  isTrained: boolean
}

/** As the paper's captioner looks at a video. */
const paperFramesPerSecond = 2

/** @throws ConfigError naming the field of processor_config.json that is wrong. */
export function captionSettings(vlm: Vlm, flags: CaptionFlags): CaptionSettings {
  const { sampling, framesPerSecond = paperFramesPerSecond } = captionDefaults(vlm)
  const { fps, maxTokens, capacity, prompt, prefix, temperature, seed } = flags
  return {
    prompt,
    prefix,
    framesPerSecond: fps ?? framesPerSecond,
    maxTokensPerFrame: maxTokens,
    capacityTokens: capacity,
    sampler: createSampler({ ...sampling, seed, ...(temperature !== undefined && { temperature }) }),
    isTrained: vlm.files.processorConfig?.captions !== undefined,
  }
}
