/** Captioning settings: the command line overrides the model folder (`captions` in processor_config.json), which overrides the paper's. */
import { captionDefaults, createSampler, type CaptionOptions, type Vlm } from '@casa-js/vlm'
import type { CaptionFlags } from '../commands/caption.ts'

export interface CaptionSettings extends CaptionOptions {
  framesPerSecond: number
  /** Whether the folder has caption settings, so that its model was trained to caption. */
  isTrained: boolean
}

/** The settings of the paper's captioner. */
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
