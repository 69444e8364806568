/** The provider: language models by name, over models that the program has loaded. */
import { NoSuchModelError, type LanguageModelV4, type ProviderV4 } from '@ai-sdk/provider'
import type { Vlm } from '@casa-js/vlm'
import { createKeptConversations } from '@casa-js/vlm/internal'
import { createLanguageModel } from './language-model.ts'

/** The models of a provider, and its limits. */
export interface CasaOptions {
  /** Loaded models by the id that the AI SDK knows them by. Owned by the caller, who disposes them after the provider. */
  models: Readonly<Record<string, Vlm>>
  /** Tokens of a conversation. Default: 4,096; never more than the model supports. */
  capacityTokens?: number | undefined
  /** Tokens of an answer, if the call gives no `maxOutputTokens`. Default: 512. */
  maxOutputTokens?: number | undefined
  /** Total pixels of a prompt's images. Default: 32 million. */
  maxPixels?: number | undefined
  /** Conversations per model whose KV cache is kept for their next message. Default: 4. */
  keptConversations?: number | undefined
}

/** Created by `createCasa`. */
export interface CasaProvider extends ProviderV4 {
  /** The same as `languageModel`. */
  (modelId: string): LanguageModelV4
  /** Frees the kept conversations. Later calls still work, and keep none. */
  dispose(): void
}

/**
 * A provider for the AI SDK: `streamText({ model: casa('reader'), .. })`.
 * @returns the provider, a function from a model's id to the model; the caller disposes it
 */
export function createCasa(options: CasaOptions): CasaProvider {
  const { models, capacityTokens = 4096, maxOutputTokens = 512, maxPixels = 32_000_000, keptConversations = 4 } = options
  const made = new Map(
    Object.entries(models).map(([id, vlm]) => {
      const kept = createKeptConversations(keptConversations)
      return [id, { kept, model: createLanguageModel(id, { vlm, kept, capacityTokens, maxOutputTokens, maxPixels }) }]
    }),
  )
  const refuse = (modelType: 'embeddingModel' | 'imageModel') => (modelId: string) => {
    throw new NoSuchModelError({ modelId, modelType })
  }

  function languageModel(modelId: string): LanguageModelV4 {
    const found = made.get(modelId)
    if (found) return found.model
    const message = `No such languageModel: ${modelId}; this provider has ${[...made.keys()].join(', ') || 'none'}`
    throw new NoSuchModelError({ modelId, modelType: 'languageModel', message })
  }

  return Object.assign((modelId: string) => languageModel(modelId), {
    specificationVersion: 'v4' as const,
    languageModel,
    embeddingModel: refuse('embeddingModel'),
    imageModel: refuse('imageModel'),
    dispose() {
      for (const { kept } of made.values()) kept.dispose()
    },
  })
}
