/**
 * A rendered conversation, cut into what becomes tokens in different ways: text, special tokens, images.
 */
import { TokenizerError, type Message } from '@casa-js/base'
import type { TextTokenizer } from '../types.ts'
import { escapePattern, standsAlone } from '../added-tokens.ts'
import type { ChatTemplate } from './template.ts'

/** Unicode noncharacter: stands for an image in text that a template renders. */
export const IMAGE = '\uFDD1'

/** A stretch of the rendered text. */
export interface Piece {
  kind: 'text' | 'special' | 'image' | 'ids'
  text: string
  /** Of kind 'ids': taken as they are. */
  ids?: readonly number[]
  /** Where in the rendered text it begins. */
  at: number
  answer: boolean
}

/** Cut the rendered text at special tokens, images and the given bounds. */
export function cut(
  whole: string,
  template: ChatTemplate,
  special: RegExp | undefined,
  bounds: number[],
  { specialTokens }: Pick<TextTokenizer, 'specialTokens'>,
): Piece[] {
  const pieces: Piece[] = []
  const pushText = (from: number, to: number): void => {
    let at = from
    for (const bound of [...bounds.filter((bound) => bound > from && bound < to), to]) {
      if (bound > at) pieces.push({ kind: 'text', text: whole.slice(at, bound), at, answer: false })
      at = bound
    }
  }
  const imageText = template.content === 'parts' ? template.image.token : IMAGE
  const marks = new RegExp([imageText && escapePattern(imageText), special?.source].filter(Boolean).join('|') || '(?!)', 'g')
  let at = 0
  for (const match of whole.matchAll(marks)) {
    const text = match[0]
    if (specialTokens.get(text)?.singleWord && !standsAlone(whole, match.index, match.index + text.length)) continue
    pushText(at, match.index)
    pieces.push({ kind: text === imageText ? 'image' : 'special', text, at: match.index, answer: false })
    at = match.index + text.length
  }
  pushText(at, whole.length)
  return pieces
}

/** Answers reach up to the last special token of their turn: what a template writes after it is not the model's to say. */
export function markAnswers(pieces: Piece[], answers: { start: number; stop: number }[], template: ChatTemplate): void {
  for (const { start, stop } of answers) {
    const turn = pieces.filter((piece) => piece.at >= start && piece.at < stop)
    const isImageMark = (index: number): boolean =>
      turn[index]!.kind === 'image' ||
      (turn[index + 1]?.kind === 'image' && turn[index]!.text === template.image.before) ||
      (turn[index - 1]?.kind === 'image' && turn[index]!.text === template.image.after)
    const last = turn.findLastIndex((piece, index) => piece.kind === 'special' && !isImageMark(index))
    turn.forEach((piece, index) => {
      piece.answer = !isImageMark(index) && (last < 0 || index <= last)
    })
  }
}

/**
 * Put sampled ids in the place of an answer's text. If they end with a special token, it replaces the turn's end as well: what a
 * model stopped with need not be what the template writes.
 */
export function putAnswerIds(
  pieces: Piece[],
  { start, stop }: { start: number; stop: number },
  ids: readonly number[],
  tokenizer: TextTokenizer,
): void {
  const inTurn = (piece: Piece): boolean => piece.at >= start && piece.at < stop
  if (pieces.some((piece) => inTurn(piece) && piece.kind === 'image')) {
    throw new TokenizerError('encodeChat: answerIds: ids cannot stand for a message with images in it')
  }
  const found = pieces.findIndex((piece) => piece.at >= start)
  const first = found < 0 ? pieces.length : found
  const end = pieces.findLastIndex((piece) => inTurn(piece) && piece.answer)
  const keepsEnd = end >= 0 && pieces[end]!.kind === 'special' && !isSpecialId(tokenizer, ids.at(-1))
  const count = Math.max(0, (keepsEnd ? end : end + 1) - first)
  pieces.splice(first, count, { kind: 'ids', text: '', ids, at: start, answer: true })
}

function isSpecialId(tokenizer: TextTokenizer, id: number | undefined): boolean {
  for (const token of tokenizer.specialTokens.values()) if (token.id === id) return true
  return false
}

/** Drop the end of the last turn: its last special token and what follows. */
export function leaveOpen(pieces: Piece[], whole: string, messages: readonly Message[]): void {
  if (messages.at(-1)?.role !== 'assistant') {
    throw new TokenizerError('encodeChat: end "open" continues an assistant message, and the last message is not one')
  }
  const last = pieces.findLastIndex((piece) => piece.kind === 'special' && piece.answer)
  if (last >= 0 && pieces[last]!.at + pieces[last]!.text.length >= whole.trimEnd().length) pieces.length = last
}

/** Special tokens may swallow the white space beside them. */
export function trimAround(pieces: Piece[], tokenizer: TextTokenizer): void {
  pieces.forEach((piece, index) => {
    const flags = piece.kind === 'special' ? tokenizer.specialTokens.get(piece.text) : undefined
    const left = pieces[index - 1]
    const right = pieces[index + 1]
    if (flags?.lstrip && left?.kind === 'text') left.text = left.text.trimEnd()
    if (flags?.rstrip && right?.kind === 'text') right.text = right.text.trimStart()
  })
}
