/** An answer in the worker: pictures decoded, pieces sent as they come, attention over the last picture. */
import type { Message } from '@casa-js/base'
import { createSampler, type Conversation, type LayerAttention, type Vlm } from '@casa-js/vlm'
import { decodePicture } from './picture.ts'
import type { Answer, AskSettings, Looked, Picture } from './protocol.ts'

/** The weights over the last picture of a window: its tokens come last. */
function ofLastPicture(
  { layer, image, imageShare }: LayerAttention,
  { rows, columns }: Looked['grid'],
): Looked['pieces'][number]['layers'][number] {
  return { layer, image: image.slice(Math.max(0, image.length - rows * columns)), imageShare }
}

/** A message's content: the decoded pictures, then the text. */
export async function contentOf(pictures: Picture[], text: string): Promise<Message['content']> {
  const images = pictures.map(async (picture, i) => {
    return { type: 'image' as const, image: await decodePicture(picture, `picture ${i + 1}`) }
  })
  return [...(await Promise.all(images)), { type: 'text', text }]
}

/** Says a message in a conversation, and measures. */
export async function say(
  { model }: Vlm,
  conversation: Conversation,
  pictures: Picture[],
  text: string,
  { maxNewTokens, sampling, attention = false }: AskSettings,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const started = performance.now()
  const content = await contentOf(pictures, text)
  let tokens = 0
  let firstAt = started
  let answer = ''
  let end: Answer['end'] = 'stop'
  const pieces: Looked['pieces'] = []
  const last = conversation.messages
    .concat({ role: 'user', content })
    .flatMap((message) => message.content)
    .findLast(({ type }) => type === 'image')
  const patches = attention && last?.type === 'image' && model.vision ? model.process(last.image) : undefined
  const grid = patches && model.vision!.outputGrid(patches.grid)
  const options = { maxNewTokens, signal, attention: grid !== undefined, ...(sampling && { sampler: createSampler(sampling) }) }
  for await (const part of conversation.say(content, options)) {
    if (part.id !== undefined && tokens++ === 0) firstAt = performance.now()
    if (part.end) end = part.end
    if (grid && part.attention)
      pieces.push({ text: part.text, layers: part.attention.map((layer) => ofLastPicture(layer, grid)) })
    answer += part.text
    if (part.text) onText(part.text)
  }
  const decodeMs = performance.now() - firstAt
  return {
    text: answer.trim(),
    end,
    tokens,
    timeToFirstTokenMs: firstAt - started,
    ...(grid && pieces.length > 0 && { looked: { grid, pieces } }),
    tokensPerSecond: tokens > 1 && decodeMs > 0 ? ((tokens - 1) / decodeMs) * 1000 : 0,
  }
}
