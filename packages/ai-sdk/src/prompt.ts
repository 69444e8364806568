/** The AI SDK's prompt as turns of text and images. */
import {
  InvalidPromptError,
  UnsupportedFunctionalityError,
  type LanguageModelV4FilePart,
  type LanguageModelV4Message,
  type LanguageModelV4Prompt,
  type SharedV4Warning,
} from '@ai-sdk/provider'
import type { Message } from '@casa-js/base'
import { decodeImage } from '@casa-js/vision'
import type { Turn } from '@casa-js/vlm/internal'

/** A message of a prompt; images are still files. */
export interface PromptTurn extends Turn {
  content: ({ type: 'text'; text: string } | { type: 'image'; /** SHA-256 of the file. */ key: string; bytes: Uint8Array })[]
}

/** A prompt, cut before its last message. */
export interface ReadPrompt {
  earlier: PromptTurn[]
  /** The user's message. */
  last: PromptTurn
  /** Parts that are left out. */
  unread: SharedV4Warning[]
}

/**
 * @returns the prompt's turns
 * @throws InvalidPromptError when the last message is not the user's
 * @throws UnsupportedFunctionalityError for parts that are neither text nor an image
 */
export async function readPrompt(prompt: LanguageModelV4Prompt): Promise<ReadPrompt> {
  const unread: SharedV4Warning[] = []
  const turns: PromptTurn[] = []
  for (const message of prompt) turns.push(await readMessage(message, unread))
  const last = turns.pop()
  if (last?.role !== 'user') throw new InvalidPromptError({ prompt, message: 'the last message must be of the role "user"' })
  return { earlier: turns, last, unread }
}

const unsupported = (functionality: string) => new UnsupportedFunctionalityError({ functionality })

async function readMessage(message: LanguageModelV4Message, unread: SharedV4Warning[]): Promise<PromptTurn> {
  if (message.role === 'system') return { role: 'system', content: [{ type: 'text', text: message.content }] }
  if (message.role === 'tool') throw unsupported('tool messages')
  const content: PromptTurn['content'] = []
  for (const part of message.content) {
    if (part.type === 'text') content.push({ type: 'text', text: part.text })
    else if (part.type === 'reasoning')
      unread.push({ type: 'other', message: 'the reasoning of an earlier answer is left out: these models take none' })
    else if (part.type === 'file' && message.role === 'user') content.push(await readFile(part))
    else throw unsupported(`${part.type} parts in messages of the role "${message.role}"`)
  }
  return { role: message.role, content }
}

async function readFile({ data, mediaType }: LanguageModelV4FilePart): Promise<PromptTurn['content'][number]> {
  if (data.type === 'text') return { type: 'text', text: data.text }
  if (!/^image(\/|$)/i.test(mediaType)) throw unsupported(`file part media type ${mediaType}`)
  if (data.type !== 'data') throw unsupported(`image parts of the kind "${data.type}": pass the bytes`)
  const bytes = typeof data.data === 'string' ? fromBase64(data.data) : data.data
  return { type: 'image', key: await sha256(bytes), bytes }
}

/** @throws InvalidPromptError when it is not base64 */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch (cause) {
    throw new InvalidPromptError({ prompt: text.slice(0, 40), message: 'an image is not base64', cause })
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Decodes the images of some turns, one after another.
 * @param maxPixels of all images together
 * @throws ImageError for an image that cannot be read, or one too many pixels
 */
export async function decodeTurns(
  turns: readonly PromptTurn[],
  maxPixels: number,
  signal: AbortSignal | undefined,
): Promise<Message[]> {
  let left = maxPixels
  const messages: Message[] = []
  for (const { role, content } of turns) {
    const parts: Message['content'] = []
    for (const part of content) {
      if (part.type === 'text') {
        parts.push(part)
        continue
      }
      signal?.throwIfAborted()
      const image = await decodeImage(part.bytes, { maxPixels: left, name: 'the image' })
      left -= image.widthPx * image.heightPx
      parts.push({ type: 'image', image })
    }
    messages.push({ role, content: parts })
  }
  return messages
}
