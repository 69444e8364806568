/** A loaded model behind the AI SDK's interface for language models, version 4. */
import {
  InvalidPromptError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4FinishReason,
  type LanguageModelV4StreamPart,
  type LanguageModelV4Usage,
  type SharedV4Warning,
} from '@ai-sdk/provider'
import { ArgumentError, TokenizerError } from '@casa-js/base'
import { ImageError } from '@casa-js/vision'
import type { Vlm } from '@casa-js/vlm'
import { complete, type Completion, type KeptConversations } from '@casa-js/vlm/internal'
import { checkOptions, samplerOf } from './call-options.ts'
import { decodeTurns, readPrompt } from './prompt.ts'

/** What a model answers with. */
export interface LanguageModelContext {
  vlm: Vlm
  kept: KeptConversations
  capacityTokens: number
  maxOutputTokens: number
  maxPixels: number
}

/** The id of the only text block of an answer. */
const textId = '0'

interface Started {
  warnings: SharedV4Warning[]
  texts: AsyncGenerator<string, Completion>
  first: IteratorResult<string, Completion>
  response: { id: string; timestamp: Date; modelId: string }
}

/** @returns the model, as the AI SDK takes it */
export function createLanguageModel(modelId: string, context: LanguageModelContext): LanguageModelV4 {
  const { vlm, kept, capacityTokens, maxPixels } = context

  /** Generates the first token, so that a prompt that is rejected fails the call and not its stream. */
  async function start(options: LanguageModelV4CallOptions): Promise<Started> {
    const { abortSignal: signal, prompt, maxOutputTokens, stopSequences = [] } = options
    const warnings = checkOptions(options)
    signal?.throwIfAborted()
    const { earlier, last, unread } = await readPrompt(prompt)
    const texts = complete(vlm, {
      kept,
      earlier,
      last,
      decode: (turns) => decodeTurns(turns, maxPixels, signal),
      sampler: samplerOf(options),
      stop: stopSequences,
      maxNewTokens: maxOutputTokens ?? context.maxOutputTokens,
      capacityTokens,
      signal,
    })
    const response = { id: `casa-${crypto.randomUUID()}`, timestamp: new Date(), modelId }
    const first = await texts.next().catch((cause: unknown) => {
      const isPrompt = [ArgumentError, ImageError, TokenizerError].some((kind) => kind.isInstance(cause))
      if (isPrompt) throw new InvalidPromptError({ prompt, message: (cause as Error).message, cause })
      throw cause
    })
    return { warnings: [...warnings, ...unread], texts, first, response }
  }

  return {
    specificationVersion: 'v4',
    provider: 'casa',
    modelId,
    // The SDK downloads images and passes their bytes.
    supportedUrls: {},

    async doGenerate(options) {
      const { warnings, texts, first, response } = await start(options)
      let text = ''
      let step = first
      for (; !step.done; step = await texts.next()) text += step.value
      return {
        content: text === '' ? [] : [{ type: 'text', text }],
        finishReason: finishReasonOf(step.value),
        usage: usageOf(step.value),
        response,
        warnings,
      }
    },

    async doStream(options) {
      const { warnings, texts, first, response } = await start(options)
      const parts = streamParts(texts, first, [
        { type: 'stream-start', warnings },
        { type: 'response-metadata', ...response },
      ])
      const stream = new ReadableStream<LanguageModelV4StreamPart>({
        async pull(controller) {
          const { done, value } = await parts.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        // Ends the generation and frees its memory.
        cancel: async () => void (await parts.return()),
      })
      return { stream }
    },
  }
}

async function* streamParts(
  texts: AsyncGenerator<string, Completion>,
  first: IteratorResult<string, Completion>,
  head: LanguageModelV4StreamPart[],
): AsyncGenerator<LanguageModelV4StreamPart, void> {
  try {
    yield* head
    let hasText = false
    let step = first
    for (; !step.done; step = await texts.next()) {
      if (step.value === '') continue
      if (!hasText) yield { type: 'text-start', id: textId }
      hasText = true
      yield { type: 'text-delta', id: textId, delta: step.value }
    }
    if (hasText) yield { type: 'text-end', id: textId }
    yield { type: 'finish', finishReason: finishReasonOf(step.value), usage: usageOf(step.value) }
  } finally {
    await texts.return(undefined as never)
  }
}

const finishReasonOf = ({ end }: Completion): LanguageModelV4FinishReason => ({
  unified: end === 'stop' || end === 'stop text' ? 'stop' : 'length',
  raw: end,
})

function usageOf({ promptTokens, cachedTokens, completionTokens }: Completion): LanguageModelV4Usage {
  return {
    inputTokens: {
      total: promptTokens,
      noCache: promptTokens - cachedTokens,
      cacheRead: cachedTokens,
      cacheWrite: undefined,
    },
    outputTokens: { total: completionTokens, text: completionTokens, reasoning: undefined },
  }
}
