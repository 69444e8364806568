/** The body of POST /v1/chat/completions, validated field by field. Images stay URLs until the request is processed. */
import { ConfigError, Fields } from '@casa-js/base'
import { RequestError } from './errors.ts'

/** A piece of text, or the URL of an image. */
export type RequestPart =
  | { type: 'text'; text: string }
  | { type: 'image'; /** The URL. */ key: string; /** The field that contains it. */ param: string }

/** One message of a request. */
export interface RequestMessage {
  role: 'system' | 'user' | 'assistant'
  content: RequestPart[]
}

/** What a client asks for. */
export interface ChatRequest {
  /** All messages but the last. */
  earlier: RequestMessage[]
  /** The user's message. */
  last: RequestMessage
  stream: boolean
  /** Whether a stream ends with a chunk of token usage. */
  streamUsage: boolean
  maxTokens: number | undefined
  temperature: number
  topP: number | undefined
  seed: number | undefined
  stop: string[]
}

/** Unsupported fields that would change the answer, and the values that have no effect. */
const unsupported: Record<string, (value: unknown) => boolean> = {
  n: (value) => value === 1,
  tools: (value) => Array.isArray(value) && value.length === 0,
  functions: (value) => Array.isArray(value) && value.length === 0,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => typeof value === 'object' && Object.keys(value as object).length === 0,
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  audio: () => false,
  modalities: (value) => Array.isArray(value) && value.every((one) => one === 'text'),
  response_format: (value) => (value as { type?: unknown }).type === 'text',
}

/** Limits on a request. */
export interface RequestLimits {
  maxMessages: number
  maxPictures: number
}

/**
 * Read a request.
 * @param json the body, parsed
 * @param modelId the only model
 * @returns what the client asks for
 * @throws ConfigError naming the invalid field; RequestError with status 404 when another model is requested
 */
export function parseRequest(json: unknown, modelId: string, limits: RequestLimits): ChatRequest {
  const f = new Fields(json, 'request')
  const model = f.string('model')
  if (model !== modelId)
    throw new RequestError(404, `the model "${model}" is not served here; "${modelId}" is`, 'model', 'model_not_found')
  for (const [name, changesNothing] of Object.entries(unsupported))
    f.require(!f.has(name) || changesNothing(f.raw(name)), name, 'this is not supported')
  const messages = parseMessages(f, limits)
  const last = messages.pop()!
  if (last.role !== 'user')
    throw new ConfigError(f.at(`messages[${messages.length}]: role`), 'the last message must be of "user"')
  const within = (name: string, min: number, max: number): number | undefined => {
    const value = f.raw(name)
    const valid = typeof value === 'number' && value >= min && value <= max
    f.require(value === undefined || valid, name, `expected a number of ${min} to ${max}`)
    return value as number | undefined
  }
  const topP = within('top_p', 0, 1)
  return {
    earlier: messages,
    last,
    stream: f.boolean('stream', false),
    streamUsage: f.object('stream_options', { optional: true }).boolean('include_usage', false),
    maxTokens:
      f.has('max_completion_tokens') || f.has('max_tokens') ? f.integer(['max_completion_tokens', 'max_tokens']) : undefined,
    temperature: within('temperature', 0, 2) ?? 0,
    // The smallest positive number keeps only the most likely token, as OpenAI's 0 does.
    topP: topP === 0 ? Number.EPSILON : topP,
    seed: f.has('seed') ? f.integer('seed', { min: 0, max: 2 ** 32 - 1 }) : undefined,
    stop: parseStop(f),
  }
}

function parseStop(f: Fields): string[] {
  const raw = f.raw('stop')
  const stop = raw === undefined ? [] : Array.isArray(raw) ? raw : [raw]
  const valid = stop.length <= 4 && stop.every((text) => typeof text === 'string' && text !== '' && text.length <= 1000)
  f.require(valid, 'stop', 'expected a text, or at most 4 of them, of 1 to 1000 characters')
  return stop as string[]
}

function parseMessages(f: Fields, { maxMessages, maxPictures }: RequestLimits): RequestMessage[] {
  const raw = f.raw('messages')
  const valid = Array.isArray(raw) && raw.length > 0 && raw.length <= maxMessages
  f.require(valid, 'messages', `expected a list of 1 to ${maxMessages} messages`)
  const messages = (raw as unknown[]).map((each, i) => parseMessage(new Fields(each, f.at(`messages[${i}]`))))
  const pictures = messages.flatMap(({ content }) => content).filter(({ type }) => type === 'image').length
  if (pictures > maxPictures)
    throw new ConfigError(f.at('messages'), `expected at most ${maxPictures} pictures, found ${pictures}`)
  return messages
}

function parseMessage(f: Fields): RequestMessage {
  const given = f.oneOf('role', ['system', 'developer', 'user', 'assistant'])
  const role = given === 'developer' ? 'system' : given
  f.require(!f.has('tool_calls'), 'tool_calls', 'this is not supported')
  const content = f.raw('content')
  if (typeof content === 'string') return { role, content: [{ type: 'text', text: content }] }
  f.require(Array.isArray(content) && content.length > 0, 'content', 'expected a text or a list of parts')
  const parts = (content as unknown[]).map((each, i): RequestPart => {
    const part = new Fields(each, f.at(`content[${i}]`))
    if (part.oneOf('type', role === 'user' ? ['text', 'image_url'] : ['text']) === 'text')
      return { type: 'text', text: part.string('text') }
    const picture = part.object('image_url')
    const param = picture.at('url').replace('request: ', '').replaceAll(': ', '.')
    return { type: 'image', key: picture.string('url'), param }
  })
  return { role, content: parts }
}
