/** tokenizer.json and tokenizer_config.json: validation of the fields that are read. */
import { TokenizerError } from '@casa-js/base'

/** An entry of `added_tokens`. */
export interface AddedTokenJson {
  id: number
  content: string
  special?: boolean
  normalized?: boolean
  /** Strips the white space on its left or right. */
  lstrip?: boolean
  rstrip?: boolean
  /** Matches only where no letter, digit or underscore is adjacent. */
  single_word?: boolean
}

/** A parsed tokenizer.json; only the fields read here are named. */
export interface TokenizerJson {
  added_tokens?: AddedTokenJson[]
  model: { type?: string; [field: string]: unknown }
  [field: string]: unknown
}

/** A parsed tokenizer_config.json; only the fields read here are named. */
export interface TokenizerConfig {
  bos_token?: string | { content: string } | null
  eos_token?: string | { content: string } | null
  chat_template?: string | { name: string; template: string }[] | null
  [field: string]: unknown
}

/** Far above any vocabulary size; an array of this length is allocated. */
const mostIds = 2 ** 24
const flags = ['special', 'normalized', 'lstrip', 'rstrip', 'single_word'] as const

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60)

/** A tokenizer.json with every field that is read here checked. @throws TokenizerError naming the field that is wrong */
export function checkTokenizerJson(json: unknown): TokenizerJson & { added_tokens: AddedTokenJson[] } {
  const file = json as TokenizerJson | null
  if (typeof file !== 'object' || file === null || typeof file.model !== 'object' || file.model === null) {
    throw new TokenizerError('tokenizer.json: expected an object with a "model"; is this a Hugging Face tokenizer.json?')
  }
  const { type, vocab } = file.model
  if (!['BPE', 'Unigram', 'WordPiece'].includes(type as string) || typeof vocab !== 'object' || vocab === null) {
    throw new TokenizerError(
      `tokenizer.json: model: expected a "vocab" and type BPE, Unigram or WordPiece, got type ${show(type)}`,
    )
  }
  const added: unknown = file.added_tokens ?? []
  if (!Array.isArray(added)) throw new TokenizerError(`tokenizer.json: added_tokens: expected a list, found ${show(added)}`)
  for (const [index, token] of (added as Partial<AddedTokenJson>[]).entries()) {
    const at = `tokenizer.json: added_tokens[${index}]`
    if (typeof token?.content !== 'string' || token.content === '' || !Number.isInteger(token.id) || token.id! < 0)
      throw new TokenizerError(`${at}: expected { id: a natural number, content: text }, found ${show(token)}`)
    if (token.id! >= mostIds) throw new TokenizerError(`${at}: id ${token.id} is not below ${mostIds}`)
    const wrong = flags.find((flag) => !['boolean', 'undefined'].includes(typeof token[flag]) && token[flag] !== null)
    if (wrong) throw new TokenizerError(`${at}: ${wrong}: expected true or false, found ${show(token[wrong])}`)
  }
  const nullable = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  return { ...nullable, ...file, added_tokens: added as AddedTokenJson[] }
}

/**
 * Text of a token that tokenizer_config.json names, or undefined.
 * @throws TokenizerError naming the field when it is neither a text nor { content: text }
 */
export function tokenText(config: TokenizerConfig | undefined, field: 'bos_token' | 'eos_token'): string | undefined {
  const token: unknown = config?.[field]
  if (token === undefined || token === null || typeof token === 'string') return token ?? undefined
  const { content } = token as { content?: unknown }
  if (typeof content !== 'string')
    throw new TokenizerError(`tokenizer_config.json: ${field}: expected a text or { content: text }, found ${show(token)}`)
  return content
}
