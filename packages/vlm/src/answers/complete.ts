/** One answer for a client that sends its whole conversation: continues a kept conversation if possible, else starts a new one. */
import { StateError, type Message } from '@casa-js/base'
import { createConversation, type AnswerEnd, type Conversation, type Generated } from '../conversation.ts'
import type { Vlm } from '../load.ts'
import type { Sampler } from '../sampling/index.ts'
import type { KeptConversations, Turn } from './kept-conversations.ts'
import { createStopText } from './stop-text.ts'

/** How an answer ended, and its token counts. */
export interface Completion {
  /** 'stop text': at one of the stop sequences. */
  end: AnswerEnd | 'stop text'
  promptTokens: number
  /** Prompt tokens already in the cache of a kept conversation. */
  cachedTokens: number
  /** Including a stop token. */
  completionTokens: number
}

/** What `complete` needs for an answer. */
export interface CompleteOptions<T extends Turn> {
  kept: KeptConversations
  /** All messages but the last. */
  earlier: readonly T[]
  /** The user's message. */
  last: T
  /** Decodes the images of some messages. Called for the last one only, if the others are in a kept conversation. */
  decode(turns: readonly T[]): Promise<Message[]>
  sampler: Sampler
  /** Texts that end an answer; they are not part of it. */
  stop: readonly string[]
  maxNewTokens: number
  capacityTokens: number
  signal: AbortSignal | undefined
}

interface Begun {
  conversation: Conversation
  steps: AsyncGenerator<Generated, void>
  first: IteratorResult<Generated, void>
  cachedTokens: number
}

/**
 * Answer the last of a client's messages.
 * @returns yields the answer's text as it becomes final, first after the first token; returns how it ended
 * @throws CasaError when the messages are rejected; the signal's reason when it aborts
 */
export async function* complete<T extends Turn>(vlm: Vlm, options: CompleteOptions<T>): AsyncGenerator<string, Completion> {
  const { conversation, steps, first, cachedTokens } = await begin(vlm, options)
  let isKept = false
  try {
    const promptTokens = conversation.tokens
    const stopText = createStopText(options.stop)
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
    const end = stopText.found ? 'stop text' : conversation.lastEnd!
    // A conversation that a stop sequence ended contains text that its client has not seen.
    if (end !== 'stop text' && end !== 'capacity') {
      isKept = true
      const said: Turn = { role: 'assistant', content: [{ type: 'text', text: answer }] }
      await options.kept.keep([...options.earlier, options.last, said], conversation)
    }
    return { end, promptTokens, cachedTokens, completionTokens }
  } finally {
    await steps.return()
    if (!isKept) conversation.dispose()
  }
}

/** Generates the first token, in a kept conversation if there is one, else in a new one. */
async function begin<T extends Turn>(vlm: Vlm, options: CompleteOptions<T>): Promise<Begun> {
  const { kept, earlier, last, decode, sampler, signal, maxNewTokens, capacityTokens } = options

  async function say(conversation: Conversation, content: Message['content']): Promise<Begun> {
    const cachedTokens = conversation.tokens
    const steps = conversation.say(content, { sampler, signal, maxNewTokens })
    try {
      return { conversation, steps, first: await steps.next(), cachedTokens }
    } catch (error) {
      conversation.dispose()
      throw error
    }
  }

  const found = await kept.take(earlier)
  if (found) {
    try {
      const [message] = await decode([last]).catch((error: unknown) => {
        found.dispose()
        throw error
      })
      return await say(found, message!.content)
    } catch (error) {
      // A template may change earlier turns when another follows, e.g. drop their reasoning.
      if (!StateError.isInstance(error)) throw error
    }
  }
  const messages = await decode([...earlier, last])
  const message = messages.pop()!
  return say(createConversation(vlm, { messages, capacityTokens, keepPictures: false }), message.content)
}
