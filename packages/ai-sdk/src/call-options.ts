/** What a call asks for: settings that the model has, warnings for those it lacks, errors where ignoring one would be wrong. */
import { UnsupportedFunctionalityError, type LanguageModelV4CallOptions, type SharedV4Warning } from '@ai-sdk/provider'
import { createSampler, type Sampler } from '@casa-js/vlm'

/**
 * @returns warnings for settings without effect
 * @throws UnsupportedFunctionalityError for tools and JSON: nothing here makes a model call a function or keep to a schema, so an answer
 *   would only look as if it had
 */
export function checkOptions(options: LanguageModelV4CallOptions): SharedV4Warning[] {
  const { tools = [], toolChoice, responseFormat, presencePenalty, frequencyPenalty, reasoning } = options
  if (tools.length > 0 && toolChoice?.type !== 'none') throw new UnsupportedFunctionalityError({ functionality: 'tools' })
  if (responseFormat?.type === 'json')
    throw new UnsupportedFunctionalityError({ functionality: 'JSON output (generateObject, Output.object)' })
  const warnings: SharedV4Warning[] = []
  const warn = (isGiven: unknown, feature: string) => {
    if (isGiven) warnings.push({ type: 'unsupported', feature })
  }
  warn(presencePenalty, 'presencePenalty')
  warn(frequencyPenalty, 'frequencyPenalty')
  warn(reasoning !== undefined && reasoning !== 'provider-default' && reasoning !== 'none', 'reasoning')
  return warnings
}

/** @returns greedy decoding unless the temperature is above 0; without a seed, another one for each call */
export function samplerOf({ temperature = 0, topP, topK, seed }: LanguageModelV4CallOptions): Sampler {
  if (temperature === 0) return createSampler()
  return createSampler({
    temperature,
    seed: seed ?? Math.floor(Math.random() * 2 ** 32),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
  })
}
