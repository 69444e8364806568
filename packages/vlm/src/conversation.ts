/**
 * A conversation with a model: turns of text and images in, answers out token by token.
 *
 * Each turn encodes the whole conversation and feeds only what the session has not seen, so keys and values are reused across
 * turns. Generated tokens are fed as they were sampled, including the end-of-turn token.
 */
import { ArgumentError, StateError, type Message, type RgbImage } from '@casa-js/base'
import { createTextStream, encodeChat } from '@casa-js/tokenizers'
import type { LayerAttention } from './attention-weights.ts'
import type { Vlm } from './load.ts'
import { createSampler, type Sampler } from './sampling/index.ts'
import { createSession, type AppendOptions, type Session, type SessionOptions } from './session.ts'

export interface GenerateOptions {
  /** 128 unless given. */
  maxNewTokens?: number | undefined
  /** How the next token is chosen; greedy unless given. */
  sampler?: Sampler | undefined
  /** Ends the answer between two tokens, and a long prompt between two pieces. Text generated so far stays in the conversation. */
  signal?: AbortSignal | undefined
  /** Time limit of an answer, from the end of its prompt. Default: no limit. */
  maxMs?: number | undefined
  /** Report attention weights with each token. */
  attention?: boolean | undefined
}

/**
 * Why an answer ended: a stop token, `maxNewTokens`, the session's capacity, `maxMs`, or its reader (an aborted signal, a loop that was
 * left).
 */
export type AnswerEnd = 'stop' | 'tokens' | 'capacity' | 'time' | 'abort'

/** One step of an answer. The last one has no id, and says how the answer ended. */
export interface Generated {
  /** Text that this token completed, often ''. */
  text: string
  id?: number
  end?: AnswerEnd
  /** Where `attention` was asked for: each layer's weights over the picture and the text. */
  attention?: LayerAttention[]
}

/** Created by `createConversation`; the caller disposes it. */
export interface Conversation {
  readonly messages: readonly Message[]
  /** Tokens in the session's cache. */
  readonly tokens: number
  /** How the last answer ended; undefined before the first. */
  readonly lastEnd: AnswerEnd | undefined
  /**
   * Ask, and receive the answer as it is generated; the last step says how it ended. One answer at a time.
   * @throws CasaError when the message is refused: too long, a wrong picture. The conversation is then unchanged.
   * @throws StateError after `dispose`, and while another answer is running.
   */
  say(content: string | Message['content'], options?: GenerateOptions): AsyncGenerator<Generated, void>
  dispose(): void
}

export interface ConversationOptions extends SessionOptions {
  /** Earlier messages, e.g. a system prompt. */
  messages?: Message[]
  /**
   * Keep the pixels of images after the model has read them. Default: true. Where false, `messages` has images of the same size without
   * data, and a long conversation about large pictures holds none of them.
   */
  keepPictures?: boolean | undefined
}

/** The message with its images' sizes alone. */
const withoutPixels = (message: Message): Message =>
  message.content.every(({ type }) => type === 'text')
    ? message
    : {
        ...message,
        content: message.content.map((part) =>
          part.type === 'image' ? { ...part, image: { ...part.image, data: new Uint8Array(0) } } : part,
        ),
      }

/** A conversation with a model. The caller disposes it. */
export function createConversation(vlm: Vlm, options: ConversationOptions = {}): Conversation {
  const session: Session = createSession(vlm.model, options)
  const messages: Message[] = [...(options.messages ?? [])]
  /** Answers as they were sampled: encoding their text again may give other ids. */
  const sampled = new Map<Message, readonly number[]>()
  /** What the session has been fed. */
  const fed: number[] = []
  const { keepPictures = true } = options
  let fedImages = 0
  let busy = false
  let lastEnd: AnswerEnd | undefined

  /** Feed the part of the encoded conversation that the session has not seen. Returns the token that follows. */
  async function feed(encoded: ReturnType<typeof encodeChat>, sampler: Sampler, appendOptions: AppendOptions): Promise<number> {
    const { ids, images } = encoded
    const same = fed.every((id, t) => ids[t] === id)
    if (!same || ids.length <= fed.length) {
      throw new StateError('the chat template changed an earlier turn, so the session cannot go on: start a new conversation')
    }
    const begin = fed.length
    const fresh = images.slice(fedImages).map(({ image, before, from }) => ({
      image,
      before: before - begin,
      // Marks that were fed with an earlier turn stay with it.
      ...(from !== undefined && { from: Math.max(0, from - begin) }),
    }))
    const next = await session.choose({ ids: ids.subarray(begin), images: fresh }, sampler, fed, appendOptions)
    for (const id of ids.subarray(begin)) fed.push(id)
    fedImages = images.length
    return next
  }

  async function* generate(
    user: Message,
    { maxNewTokens = 128, sampler = createSampler(), signal, maxMs = Infinity, attention = false }: GenerateOptions,
  ): AsyncGenerator<Generated, void> {
    const { tokenizer, template, stopIds } = vlm
    const conversation = [...messages, user]
    let looked: LayerAttention[] | undefined
    const appendOptions: AppendOptions = { signal, ...(attention && { onAttention: (layers) => void (looked = layers) }) }
    let next = await feed(
      encodeChat(conversation, {
        tokenizer,
        template,
        end: 'prompt',
        answerIds: (message) => sampled.get(message),
        maxTokens: session.capacityTokens,
      }),
      sampler,
      appendOptions,
    )
    messages.push(user)
    // The session has their tokens, and the template needs no pixels.
    if (!keepPictures) messages.forEach((message, i) => (messages[i] = withoutPixels(message)))
    const stream = createTextStream(tokenizer)
    const said: number[] = []
    const start = performance.now()
    let answer = ''
    // The default: leaving the loop early gives no other reason.
    let end: AnswerEnd = 'abort'
    lastEnd = end
    const isOver = (): AnswerEnd | undefined => {
      if (said.length >= maxNewTokens) return 'tokens'
      if (session.tokens + (said.length > 0 ? 1 : 0) >= session.capacityTokens) return 'capacity'
      return performance.now() - start >= maxMs && said.length > 0 ? 'time' : undefined
    }
    try {
      for (let over = isOver(); ; over = isOver()) {
        if (over) {
          end = over
          break
        }
        // The last token is fed when the next one is needed; the last of an answer is fed by the next turn.
        if (said.length > 0) {
          const id = said.at(-1)!
          next = await session.choose({ ids: Int32Array.of(id), images: [] }, sampler, fed, appendOptions)
          fed.push(id)
        }
        signal?.throwIfAborted()
        const id = next
        said.push(id)
        if (stopIds.includes(id)) {
          end = 'stop'
          break
        }
        const text = stream.push(id)
        answer += text
        yield { id, text, ...(looked && { attention: looked }) }
      }
      const rest = stream.end()
      answer += rest
      lastEnd = end
      yield { text: rest, end }
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
    get lastEnd() {
      return lastEnd
    },
    async *say(content, generateOptions = {}) {
      if (busy) throw new StateError('this conversation is still answering: wait for the answer or abort it')
      busy = true
      try {
        yield* generate(
          { role: 'user', content: typeof content === 'string' ? [{ type: 'text', text: content }] : content },
          generateOptions,
        )
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

/** Asks one question about some images. Returns the text of the answer, trimmed. */
export async function ask(vlm: Vlm, images: RgbImage[], question: string, options: AskOptions = {}): Promise<string> {
  let answer = ''
  for await (const { text } of askStreaming(vlm, images, question, options)) answer += text
  return answer.trim()
}

/** The same, as it is generated; the last step says how the answer ended. */
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

/** The answer to the last message of a given conversation, as evaluation needs it. */
export async function answer(vlm: Vlm, messages: Message[], options: AskOptions = {}): Promise<string> {
  const last = messages.at(-1)
  if (last?.role !== 'user') throw new ArgumentError("answer: the last message must be the user's")
  const conversation = createConversation(vlm, { ...options, messages: messages.slice(0, -1) })
  try {
    let text = ''
    for await (const part of conversation.say(last.content, options)) text += part.text
    return text.trim()
  } finally {
    conversation.dispose()
  }
}
