/**
 * A conversation with a model: turns of text and images in, answers out token by token.
 *
 * Each turn encodes the whole conversation and feeds only what the session has not seen, so keys and values are reused across
 * turns. What was generated stays in the cache as it was sampled, its end-of-turn token included.
 */
import { CasaError } from '@casa-js/base'
import { type Message, type RgbImage } from '@casa-js/core'
import { createTextStream, encodeChat } from '@casa-js/tokenizers'
import type { Vlm } from './load.ts'
import { createSampler, type Sampler } from './sampling/index.ts'
import { createSession, type Session, type SessionOptions } from './session.ts'

export interface GenerateOptions {
  /** 128 unless given. */
  maxNewTokens?: number | undefined
  /** How the next token is chosen; greedy unless given. */
  sampler?: Sampler
  /** Stops before the next token. What was generated so far stays in the conversation. */
  signal?: AbortSignal | undefined
}

/** One step of generation. */
export interface Generated {
  /** Text that became certain with this token, often ''. */
  text: string
  id: number
}

export interface Conversation {
  readonly messages: readonly Message[]
  /** Tokens in the session's cache. */
  readonly tokens: number
  /** Ask, and receive the answer as it is generated. Only one answer at a time. */
  say(content: string | Message['content'], options?: GenerateOptions): AsyncGenerator<Generated, void>
  dispose(): void
}

export interface ConversationOptions extends SessionOptions {
  /** Earlier messages, e.g. a system prompt. */
  messages?: Message[]
}

export function createConversation(vlm: Vlm, options: ConversationOptions = {}): Conversation {
  const session: Session = createSession(vlm.model, options)
  const messages: Message[] = [...(options.messages ?? [])]
  /** Answers as they were sampled: encoding their text again may give other ids. */
  const sampled = new Map<Message, readonly number[]>()
  /** What the session has taken in. */
  const fed: number[] = []
  let fedImages = 0
  let busy = false

  /** Feed what the encoded conversation has beyond the session; the last logits. */
  async function feed(encoded: ReturnType<typeof encodeChat>): Promise<Float32Array> {
    const { ids, images } = encoded
    const same = fed.every((id, t) => ids[t] === id)
    if (!same || ids.length <= fed.length) {
      throw new CasaError('the chat template changed an earlier turn, so the session cannot go on: start a new conversation')
    }
    const fresh = images.slice(fedImages).map(({ image, before }) => ({ image, before: before - fed.length }))
    const logits = await session.append({ ids: ids.subarray(fed.length), images: fresh })
    fed.push(...ids.subarray(fed.length))
    fedImages = images.length
    return logits
  }

  async function take(id: number): Promise<Float32Array> {
    const logits = await session.append({ ids: Int32Array.of(id), images: [] })
    fed.push(id)
    return logits
  }

  async function* generate({
    maxNewTokens = 128,
    sampler = createSampler(),
    signal,
  }: GenerateOptions): AsyncGenerator<Generated, void> {
    const { tokenizer, template, stopIds } = vlm
    let logits = await feed(
      encodeChat(messages, { tokenizer, template, end: 'prompt', answerIds: (message) => sampled.get(message) }),
    )
    const stream = createTextStream(tokenizer)
    const said: number[] = []
    let answer = ''
    try {
      while (said.length < maxNewTokens && session.tokens < session.capacityTokens) {
        signal?.throwIfAborted()
        const id = sampler(logits, fed)
        said.push(id)
        if (stopIds.includes(id)) {
          await take(id)
          break
        }
        const text = stream.push(id)
        answer += text
        yield { id, text }
        logits = await take(id)
      }
      const rest = stream.end()
      answer += rest
      if (rest) yield { id: said[said.length - 1]!, text: rest }
    } finally {
      const message: Message = { role: 'assistant', content: [{ type: 'text', text: answer }] }
      messages.push(message)
      sampled.set(message, said)
    }
  }

  return {
    messages,
    get tokens() {
      return session.tokens
    },
    async *say(content, generateOptions = {}) {
      if (busy) throw new CasaError('this conversation is still answering: wait for the answer or abort it')
      busy = true
      messages.push({ role: 'user', content: typeof content === 'string' ? [{ type: 'text', text: content }] : content })
      try {
        yield* generate(generateOptions)
      } finally {
        busy = false
      }
    },
    dispose: () => session.dispose(),
  }
}

export interface AskOptions extends GenerateOptions, SessionOptions {
  system?: string
}

/** One question about some pictures, one answer. */
export async function ask(vlm: Vlm, images: RgbImage[], question: string, options: AskOptions = {}): Promise<string> {
  let answer = ''
  for await (const { text } of askStreaming(vlm, images, question, options)) answer += text
  return answer.trim()
}

/** The same, as it is generated. */
export async function* askStreaming(
  vlm: Vlm,
  images: RgbImage[],
  question: string,
  options: AskOptions = {},
): AsyncGenerator<Generated, void> {
  const messages: Message[] = options.system ? [{ role: 'system', content: [{ type: 'text', text: options.system }] }] : []
  const conversation = createConversation(vlm, { ...options, messages })
  try {
    const pictures = images.map((image) => ({ type: 'image' as const, image }))
    yield* conversation.say([...pictures, { type: 'text', text: question }], options)
  } finally {
    conversation.dispose()
  }
}

/** The answer to the last message of a conversation given as a whole: what evaluation runs. */
export async function answer(vlm: Vlm, messages: Message[], options: AskOptions = {}): Promise<string> {
  const last = messages.at(-1)
  if (last?.role !== 'user') throw new CasaError("answer: the last message must be the user's")
  const conversation = createConversation(vlm, { ...options, messages: messages.slice(0, -1) })
  try {
    let text = ''
    for await (const part of conversation.say(last.content, options)) text += part.text
    return text.trim()
  } finally {
    conversation.dispose()
  }
}
