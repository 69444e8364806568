/**
 * A conversation -> ids, image slots, answer mask (core's EncodedSample).
 *
 * The template is rendered to text, the text is cut at special tokens, images and answer bounds, and the parts are encoded.
 * Three things are unusual. Special tokens in users' text are hidden while the template renders, so only the template's own
 * become special tokens. Answers are found by rendering prefixes: what the conversation adds to "everything before, plus the opening
 * of the assistant's turn" is the answer. And an answer is encoded apart from its prompt, as it will be generated.
 */
import { TokenizerError, type ContentPart, type EncodedSample, type Message, type RgbImage } from '@casa-js/base'
import type { TextTokenizer } from '../types.ts'
import { alternatives } from '../added-tokens.ts'
import { cut, IMAGE, leaveOpen, markAnswers, type Piece, putAnswerIds, trimAround } from './pieces.ts'
import { renderBudget } from './render.ts'
import { type ChatTemplate, renderTemplate } from './template.ts'

/** Options for encoding a conversation. */
export interface EncodeChatOptions {
  tokenizer: TextTokenizer
  template: ChatTemplate
  /**
   * 'closed' (default): whole turns, for training. 'prompt': then open the assistant's turn, for asking.
   * 'open': the last message stays open, without its end of turn, to be continued.
   */
  end?: 'closed' | 'prompt' | 'open'
  /** How many of the template's image tokens to write for an image. 0 by default: in CASA an image takes no text token. */
  imageTokens?: (image: RgbImage, index: number) => number
  /**
   * The ids that an assistant's message was sampled as, if it was: they are taken instead of encoding its text, which may give
   * other ids, so that a cache of the conversation stays valid. Includes the token that ended the turn, if the model generated one.
   */
  answerIds?: (message: Message) => readonly number[] | undefined
  /** Treat special tokens written in messages as special. Only for text that you trust. */
  trustText?: boolean
  /**
   * Refuse a conversation that has more text tokens than this, before all of it is encoded: encoding ten million characters takes
   * minutes. A slightly longer conversation may pass; count the ids for an exact limit.
   */
  maxTokens?: number
}

type ImagePart = Extract<ContentPart, { type: 'image' }>

/** Unicode noncharacter: around the number of a special token that was written in a message. */
const HIDE = '\uFDD2'

/**
 * A conversation as token ids, with images standing between them.
 * @returns ids Int32Array [T]; images with the index of the token they stand before (with image tokens: of the first of them), and
 *   of the token that marks them in front, where the template writes a special one;
 *   answer Uint8Array [T], 1 at assistants' text and the token that ends their turn (image marks within it are not answer)
 * @throws TokenizerError when the template drops or repeats an image, or rewrites earlier turns so that no answer can be found; when
 *   the template does too much work; when there are more than `maxTokens`
 */
export function encodeChat(messages: readonly Message[], options: EncodeChatOptions): EncodedSample {
  const { tokenizer, template, end = 'closed', trustText = false } = options
  const specials = [...tokenizer.specialTokens.keys()]
  const special = alternatives(specials)
  const hidden = trustText ? undefined : special
  const given = messages.map((message) => ({
    role: message.role,
    content: writeContent(message.content, template, specials, hidden),
  }))
  const budget = renderBudget(given, 1 + 2 * messages.filter(({ role }) => role === 'assistant').length)
  const render = (count: number, generationPrompt: boolean): string =>
    renderTemplate(template, given.slice(0, count), {
      generationPrompt,
      budget,
      bosToken: tokenizer.bosToken,
      eosToken: tokenizer.eosToken,
    })

  const whole = render(messages.length, end === 'prompt')
  const answers = messages.flatMap((message, index) => {
    if (message.role !== 'assistant') return []
    const start = render(index, true)
    const stop = render(index + 1, false)
    if (!whole.startsWith(start) || !stop.startsWith(start)) {
      throw new TokenizerError(
        `chat template "${template.name}": message ${index} of the assistant does not begin where its turn is opened; ` +
          'use a template whose earlier turns do not change as a conversation grows',
      )
    }
    return [{ start: start.length, stop: Math.min(stop.length, whole.length), ids: options.answerIds?.(message) }]
  })

  const pieces = cut(
    whole,
    template,
    special,
    answers.flatMap(({ start, stop }) => [start, stop]),
    tokenizer,
  )
  markAnswers(pieces, answers, template)
  if (end === 'open') leaveOpen(pieces, whole, messages)
  trimAround(pieces, tokenizer)
  for (const answer of answers) if (answer.ids) putAnswerIds(pieces, answer, answer.ids, tokenizer)

  const pictures = messages.flatMap((message) => message.content.filter((part) => part.type === 'image'))
  const slots = pieces.filter((piece) => piece.kind === 'image').length
  if (slots !== pictures.length) {
    throw new TokenizerError(
      `chat template "${template.name}": wrote ${slots} images for the ${pictures.length} of the conversation; ` +
        'check how the template writes images (ChatTemplate.content and .image)',
    )
  }
  return assemble(pieces, pictures, options, (text) => restore(text, specials))
}

/**
 * Content in the template's shape. Texts in a row are joined before special tokens in them are hidden: two of them could spell one
 * together. Stop tokens come after that, so they act.
 */
function writeContent(content: ContentPart[], template: ChatTemplate, specials: string[], hidden: RegExp | undefined): unknown {
  const parts: ({ type: 'text'; text: string; stops: boolean } | { type: 'image' })[] = []
  content.forEach((part, index) => {
    const last = parts.at(-1)
    if (part.type === 'image') return void parts.push({ type: 'image' })
    const stops = part.stop === true && index + 1 < content.length
    if (last?.type === 'text' && !last.stops) Object.assign(last, { text: last.text + part.text, stops })
    else parts.push({ type: 'text', text: part.text, stops })
  })
  const written = parts.map((part) => {
    if (part.type === 'image') return part
    let text = part.text.replace(/[\uFDD0-\uFDD2]/g, '\uFFFD')
    if (hidden) text = text.replace(hidden, (found) => `${HIDE}${specials.indexOf(found)}${HIDE}`)
    return { type: 'text' as const, text: part.stops ? text + stopOf(template) : text }
  })
  if (template.content === 'parts') return written
  const { before = '', after = '' } = template.image
  return written.map((part) => (part.type === 'text' ? part.text : before + IMAGE + after)).join('')
}

function stopOf({ name, stop }: ChatTemplate): string {
  if (stop[0] === undefined) {
    throw new TokenizerError(
      `chat template "${name}": a text ends with a stop token, and the template names none (ChatTemplate.stop)`,
    )
  }
  return stop[0]
}

function restore(text: string, specials: string[]): string {
  return text.replace(/\uFDD2(\d+)\uFDD2/g, (_, index) => specials[Number(index)]!)
}

function assemble(
  pieces: Piece[],
  pictures: ImagePart[],
  { tokenizer, template, imageTokens, maxTokens = Infinity }: EncodeChatOptions,
  restoreText: (text: string) => string,
): EncodedSample {
  const parts: (string | number)[] = []
  const firstPart: number[] = []
  const seen = pictures.filter(({ unseen }) => !unseen).map(({ image }) => image)
  let picture = 0
  let slot = 0
  for (const piece of pieces) {
    firstPart.push(parts.length)
    if (piece.kind === 'special') parts.push(tokenizer.specialTokens.get(piece.text)!.id)
    else if (piece.kind === 'text') parts.push(restoreText(piece.text))
    else if (piece.kind === 'ids') parts.push(...piece.ids!)
    else if (!pictures[picture++]!.unseen) {
      const count = imageTokens?.(seen[slot]!, slot) ?? 0
      slot++
      if (count > 0) parts.push(...Array<number>(count).fill(imageTokenId(tokenizer, template)))
    }
  }
  firstPart.push(parts.length)

  refuseLong(parts, tokenizer, maxTokens)
  const { ids, starts } = tokenizer.encodeParts(parts)
  const answer = new Uint8Array(ids.length)
  const images: EncodedSample['images'] = []
  picture = 0
  let unseen = false
  pieces.forEach((piece, index) => {
    const from = starts[firstPart[index]!]!
    if (piece.kind === 'image') unseen = pictures[picture++]!.unseen === true
    if (piece.kind === 'image' && !unseen) {
      const mark = pieces[index - 1]
      const marked = mark?.kind === 'special' && mark.text === template.image.before
      images.push({ before: from, ...(marked && { from: starts[firstPart[index - 1]!]! }), image: seen[images.length]! })
    }
    if (piece.answer && !unseen) answer.fill(1, from, starts[firstPart[index + 1]!])
  })
  return { ids, images, answer }
}

/** How many more tokens a prefix may have than the same characters within the whole text, because its last word is cut. */
const slackTokens = 8

/** Encodes growing prefixes of long texts until the text is complete or too long, so that the work is bounded by `maxTokens`. */
function refuseLong(parts: readonly (string | number)[], tokenizer: TextTokenizer, maxTokens: number): void {
  const characters = parts.reduce<number>((sum, part) => sum + (typeof part === 'string' ? part.length : 1), 0)
  if (!(characters > maxTokens)) return
  let tokens = 0
  for (const part of parts) {
    let most = 1
    if (typeof part === 'string') {
      most = 0
      for (let length = 2 * maxTokens + 1024; length < part.length && tokens + most <= maxTokens; length *= 2)
        most = Math.max(0, tokenizer.encodePlain(part.slice(0, length)).length - slackTokens)
    }
    tokens += most
    if (tokens > maxTokens)
      throw new TokenizerError(
        `the conversation has more than ${maxTokens} tokens, in ${characters} characters: shorten it, or raise the limit`,
      )
  }
}

function imageTokenId(tokenizer: TextTokenizer, template: ChatTemplate): number {
  const id = template.image.token === undefined ? undefined : tokenizer.idOf(template.image.token)
  if (id !== undefined) return id
  throw new TokenizerError(
    `chat template "${template.name}": imageTokens asks for image tokens, but ` +
      (template.image.token === undefined ? 'the template names none' : `the tokenizer has no token "${template.image.token}"`),
  )
}
