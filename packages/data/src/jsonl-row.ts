/** Parses one row of a JSONL dataset: untrusted text -> messages whose images are still paths. */
import { CasaError } from '@casa-js/base'
import type { Message } from '@casa-js/core'

export type RowPart = { type: 'text'; text: string } | { type: 'image'; image: string }

export interface Row {
  id?: string | undefined
  task?: string | undefined
  messages: { role: Message['role']; content: RowPart[] }[]
}

/** A row, with notes for its author on how it was read. */
export interface ParsedRow {
  row: Row
  notes: string[]
}

const mark = '<image>'

/**
 * Reads one line of a JSONL file. A field that is null counts as one that is not there.
 *
 * @throws CasaError saying which field is wrong and what was expected.
 */
export function parseRow(source: string): ParsedRow {
  let json: unknown
  try {
    json = JSON.parse(source)
  } catch (error) {
    throw new CasaError(`not JSON: ${(error as Error).message}`)
  }
  const given = object(json, 'a row')
  const nulls = Object.keys(given).filter((field) => given[field] === null)
  const row = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const images = imagePaths(row)
  const messages = row.messages === undefined ? fromQuestion(row) : fromMessages(row.messages)
  place(images, messages)

  const last = messages.at(-1)
  if (last?.role !== 'assistant') throw new CasaError(`messages: the last one must be the assistant's answer, which is learnt`)
  const notes = nulls
    .filter((field) => field === 'image' || field === 'images')
    .map((field) => `${field} is null: read as a row without pictures`)
  return { row: { id: optionalId(row), task: optionalText(row, 'task'), messages }, notes }
}

function fromQuestion(row: Record<string, unknown>): Row['messages'] {
  return [
    { role: 'user', content: split(text(row.question, 'question')) },
    { role: 'assistant', content: [{ type: 'text', text: text(row.answer, 'answer') }] },
  ]
}

function fromMessages(messages: unknown): Row['messages'] {
  if (!Array.isArray(messages) || messages.length === 0) throw new CasaError('messages: expected a list of messages')
  return messages.map((message: unknown, index) => {
    const where = `messages[${index}]`
    const { role, content } = object(message, where)
    if (role !== 'system' && role !== 'user' && role !== 'assistant') {
      throw new CasaError(`${where}.role: expected "system", "user" or "assistant", got ${JSON.stringify(role)}`)
    }
    if (!Array.isArray(content)) return { role, content: split(text(content, `${where}.content`)) }
    return { role, content: content.flatMap((part: unknown, at) => parsePart(part, `${where}.content[${at}]`)) }
  })
}

function parsePart(json: unknown, where: string): RowPart[] {
  const part = object(json, where)
  if (part.type === 'text') return split(text(part.text, `${where}.text`))
  // Other formats write image parts without a path and list the paths separately.
  if (part.type === 'image') return [{ type: 'image', image: part.image === undefined ? '' : text(part.image, `${where}.image`) }]
  throw new CasaError(`${where}.type: expected "text" or "image", got ${JSON.stringify(part.type)}`)
}

/** Text with marks -> texts and images without a path yet. */
function split(words: string): RowPart[] {
  return words
    .split(mark)
    .flatMap((piece, index): RowPart[] => [
      ...(index > 0 ? [{ type: 'image' as const, image: '' }] : []),
      ...(piece === '' ? [] : [{ type: 'text' as const, text: piece }]),
    ])
}

/** Give the listed images to the marks in order; without any mark they open the first question. */
function place(images: string[], messages: Row['messages']) {
  const open = messages.flatMap(({ content }) => content).filter((part) => part.type === 'image' && part.image === '')
  if (open.length === 0 && images.length > 0) {
    const question = messages.find(({ role }) => role === 'user')
    if (!question) throw new CasaError('images: there is no user message for them to stand in')
    question.content.unshift(...images.map((image): RowPart => ({ type: 'image', image })))
    return
  }
  if (open.length !== images.length) {
    throw new CasaError(`images: ${images.length} paths for ${open.length} ${mark} marks; they must be as many`)
  }
  open.forEach((part, index) => Object.assign(part, { image: images[index] }))
}

function imagePaths({ image, images }: Record<string, unknown>): string[] {
  if (image !== undefined && images !== undefined) throw new CasaError('image, images: give one of them')
  if (image !== undefined) return Array.isArray(image) ? image.map((path) => text(path, 'image')) : [text(image, 'image')]
  if (images === undefined) return []
  if (!Array.isArray(images)) throw new CasaError('images: expected a list of paths')
  return images.map((path, index) => text(path, `images[${index}]`))
}

function object(json: unknown, where: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new CasaError(`${where}: expected an object {..}`)
  return json as Record<string, unknown>
}

function text(json: unknown, field: string): string {
  if (typeof json === 'string' && json !== '') return json
  throw new CasaError(`${field}: expected a text, got ${json === undefined ? 'nothing' : JSON.stringify(json).slice(0, 80)}`)
}

function optionalText(row: Record<string, unknown>, field: string): string | undefined {
  return row[field] === undefined ? undefined : text(row[field], field)
}

/** Table exports often use numbers as ids. */
function optionalId({ id }: Record<string, unknown>): string | undefined {
  return id === undefined ? undefined : typeof id === 'number' ? String(id) : text(id, 'id')
}
