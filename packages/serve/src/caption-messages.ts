/** Messages of the caption WebSocket, from clients: JSON, or the bytes of an image. */
import { ConfigError, Fields } from '@casa-js/base'
import type { CaptionOptions } from '@casa-js/vlm'
import { RequestError } from './errors.ts'
import { bytesOfDataUrl } from './pictures.ts'

/** What a client may set for its captions. */
export type CaptionSettings = Pick<
  CaptionOptions,
  'system' | 'prompt' | 'prefix' | 'framesPerSecond' | 'maxTokensPerFrame' | 'budgetMs' | 'seed'
> & {
  /** Undefined: as the model's folder says. */
  temperature?: number | undefined
}

/** A message, checked. */
export type CaptionMessage =
  | { type: 'start'; settings: CaptionSettings }
  | { type: 'frame'; bytes: Uint8Array; /** Undefined: when it arrives. */ timeMs: number | undefined }
  | { type: 'end' }

/**
 * @param data a text message (JSON), or a binary one (an image)
 * @throws RequestError or ConfigError naming the field that is wrong
 */
export function parseCaptionMessage(data: string | Uint8Array): CaptionMessage {
  if (typeof data !== 'string') return { type: 'frame', bytes: data, timeMs: undefined }
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch (cause) {
    throw new RequestError(400, `the message is not JSON: ${(cause as Error).message}`, null, 'invalid_json', { cause })
  }
  const f = new Fields(json, 'request')
  const type = f.oneOf('type', ['start', 'frame', 'end'])
  if (type === 'end') return { type }
  if (type === 'start') return { type, settings: parseSettings(f) }
  const bytes = bytesOfDataUrl(f.string('image'), 'image')
  if (!bytes) throw new ConfigError(f.at('image'), 'expected a data URL with base64, "data:image/jpeg;base64,.."')
  return { type, bytes, timeMs: numberOf(f, 'time_ms', 0, Number.MAX_SAFE_INTEGER) }
}

function parseSettings(f: Fields): CaptionSettings {
  const known = ['type', 'system', 'prompt', 'prefix', 'fps', 'max_tokens_per_frame', 'budget_ms', 'seed', 'temperature']
  for (const name of f.names()) f.require(known.includes(name), name, `expected one of ${known.join(', ')}`)
  const text = (name: string) => (f.has(name) ? f.string(name) : undefined)
  return {
    system: text('system'),
    prompt: text('prompt'),
    prefix: text('prefix'),
    framesPerSecond: numberOf(f, 'fps', 0.01, 240),
    maxTokensPerFrame: f.has('max_tokens_per_frame') ? f.integer('max_tokens_per_frame', { max: 1000 }) : undefined,
    budgetMs: numberOf(f, 'budget_ms', 1, 600_000),
    seed: f.has('seed') ? f.integer('seed', { min: 0, max: 2 ** 32 - 1 }) : undefined,
    temperature: numberOf(f, 'temperature', 0, 2),
  }
}

function numberOf(f: Fields, name: string, min: number, max: number): number | undefined {
  const value = f.raw(name)
  const valid = typeof value === 'number' && value >= min && value <= max
  f.require(value === undefined || valid, name, `expected a number of ${min} to ${max}`)
  return value as number | undefined
}
