/** One answer: from a validated request to text, continuing a kept conversation if possible. */
import { StateError } from '@casa-js/base'
import { createConversation, createSampler, type Conversation, type Generated, type Vlm } from '@casa-js/vlm'
import { decodePictures, type PictureOptions } from './pictures.ts'
import type { ChatRequest } from './request.ts'
import type { Sessions } from './sessions.ts'
import { createStopText } from './stop-text.ts'

/** How an answer ended, and its token counts. */
export interface Completion {
  finishReason: 'stop' | 'length'
  promptTokens: number
  /** Prompt tokens already in the cache of a kept conversation. */
  cachedTokens: number
  /** Including a stop token. */
  completionTokens: number
}

/** What answers are generated with. */
export interface CompletionContext {
  vlm: Vlm
  sessions: Sessions
  pictures: PictureOptions
  capacityTokens: number
  /** Tokens of an answer, if the request does not say. */
  maxTokens: number
}

interface Begun {
  conversation: Conversation
  steps: AsyncGenerator<Generated, void>
  first: IteratorResult<Generated, void>
  cachedTokens: number
}

/**
 * Answer a request.
 * @returns yields the answer's text as it becomes final, first after the first token; returns how it ended
 * @throws CasaError when the messages are rejected; the signal's reason when it aborts
 */
export async function* complete(
  context: CompletionContext,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<string, Completion> {
  const { sessions } = context
  const { conversation, steps, first, cachedTokens } = await begin(context, request, signal)
  let isKept = false
  try {
    const promptTokens = conversation.tokens
    const stopText = createStopText(request.stop)
    let completionTokens = 0
    let answer = ''
    for (let step = first; !step.done; step = await steps.next()) {
      const { id, text: said, end } = step.value
      if (id !== undefined || end === 'stop') completionTokens++
      let text = stopText.push(said)
      if (end !== undefined && !stopText.found) text += stopText.end()
      answer += text
      yield text
      if (stopText.found) break
    }
    // The conversation contains text that a stop sequence cut off and its client has not seen.
    if (!stopText.found && conversation.lastEnd !== 'capacity') {
      isKept = true
      const said = { role: 'assistant' as const, content: [{ type: 'text' as const, text: answer }] }
      await sessions.keep([...request.earlier, request.last, said], conversation)
    }
    const finishReason = stopText.found || conversation.lastEnd === 'stop' ? 'stop' : 'length'
    return { finishReason, promptTokens, cachedTokens, completionTokens }
  } finally {
    await steps.return()
    if (!isKept) conversation.dispose()
  }
}

/** Generates the first token, in a kept conversation if there is one, else in a new one. */
async function begin(context: CompletionContext, request: ChatRequest, signal: AbortSignal): Promise<Begun> {
  const { vlm, sessions, pictures, capacityTokens, maxTokens } = context
  const { earlier, last, temperature, topP, seed = Math.floor(Math.random() * 2 ** 32) } = request

  async function say(conversation: Conversation, content: Parameters<Conversation['say']>[0]): Promise<Begun> {
    const cachedTokens = conversation.tokens
    const sampler = createSampler(temperature === 0 ? {} : { temperature, seed, ...(topP !== undefined && { topP }) })
    const steps = conversation.say(content, { sampler, signal, maxNewTokens: request.maxTokens ?? maxTokens })
    try {
      return { conversation, steps, first: await steps.next(), cachedTokens }
    } catch (error) {
      conversation.dispose()
      throw error
    }
  }

  const kept = await sessions.take(earlier)
  if (kept) {
    try {
      const [message] = await decodePictures([last], pictures, signal).catch((error: unknown) => {
        kept.dispose()
        throw error
      })
      return await say(kept, message!.content)
    } catch (error) {
      // A template may change earlier turns when another follows, e.g. drop their reasoning.
      if (!StateError.isInstance(error)) throw error
    }
  }
  const messages = await decodePictures([...earlier, last], pictures, signal)
  const message = messages.pop()!
  return say(createConversation(vlm, { messages, capacityTokens }), message.content)
}
