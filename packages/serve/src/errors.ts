/** Error responses: OpenAI's error object, naming the invalid field. */
import { ArgumentError, CasaError, ConfigError, StateError, TokenizerError } from '@casa-js/base'
import { ImageError } from '@casa-js/vision'

/** The body of a failed request. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** A request that is answered with an error. */
export class RequestError extends CasaError {
  static override readonly code: string = 'request'
  override name = 'RequestError'

  /**
   * @param status HTTP status
   * @param param the invalid field, e.g. "messages[0].content"
   * @param reason short stable code, for programs
   */
  constructor(
    readonly status: 400 | 401 | 403 | 404 | 408 | 413 | 415 | 426 | 429 | 500 | 503,
    message: string,
    readonly param: string | null = null,
    readonly reason: string | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const types: Record<RequestError['status'], string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  408: 'invalid_request_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
  426: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'server_error',
  503: 'server_error',
}

/** @returns the error as OpenAI's JSON */
export function errorBody({ status, message, param, reason }: RequestError): ErrorBody {
  return { error: { message, type: types[status], param, code: reason } }
}

/** "request: messages[0]: content" -> "messages[0].content". */
const paramOf = (path: string): string | null => path.replace(/^request(: )?/, '').replaceAll(': ', '.') || null

/**
 * Converts anything thrown to what the client is told. Errors that the client cannot fix reveal no internals.
 * @returns a RequestError; itself, if it is one
 */
export function toRequestError(thrown: unknown): RequestError {
  if (RequestError.isInstance(thrown)) return thrown
  const options = { cause: thrown }
  if (ConfigError.isInstance(thrown)) {
    const param = paramOf(thrown.path)
    const message = thrown.message.replace(thrown.path, param ?? 'the request')
    return new RequestError(400, message, param, 'invalid_value', options)
  }
  const inMessages = `messages: ${(thrown as Error | undefined)?.message}`
  if (ImageError.isInstance(thrown)) return new RequestError(400, inMessages, 'messages', 'invalid_image', options)
  if (ArgumentError.isInstance(thrown) || TokenizerError.isInstance(thrown))
    return new RequestError(400, inMessages, 'messages', 'invalid_messages', options)
  if (StateError.isInstance(thrown)) return new RequestError(503, 'the server is closing', null, 'closing', options)
  return new RequestError(500, 'the model failed; the log of the server says why', null, 'internal', options)
}
