/** How a stream of captions begins, and what each frame adds to it, as token ids. */
import { TokenizerError, type Message, type RgbImage } from '@casa-js/base'
import { encodeChat } from '@casa-js/tokenizers'
import type { Vlm } from '../load.ts'
import type { CaptionOptions } from './options.ts'

export interface Opening {
  /** The conversation up to the first image, the image's marks, and the prefix. */
  ids: Int32Array
  /** Where in `ids` the first image stands. */
  before: number
  /** Where the marks in front of it begin. */
  from: number
  prefixIds: number[]
  /** Marks of a later image. */
  frameIds: Int32Array
  frameBefore: number
  frameFrom: number
}

/** The ids of all frames, found by encoding a turn of one and of two images: what the second adds is a frame. */
export function openingOf(
  { tokenizer, template }: Vlm,
  image: RgbImage,
  { system, prompt, prefix }: Pick<CaptionOptions, 'system' | 'prompt'> & { prefix: string },
): Opening {
  const text = (content: string) => ({ type: 'text' as const, text: content })
  const picture = { type: 'image' as const, image }
  const before: Message[] = [
    ...(system ? [{ role: 'system' as const, content: [text(system)] }] : []),
    { role: 'user', content: [text(prompt ?? 'Describe what happens in the video.')] },
  ]
  const encode = (content: Message['content']) =>
    encodeChat([...before, { role: 'assistant', content }], { tokenizer, template, end: 'open' })
  const [one, two] = [encode([picture]), encode([picture, picture])]
  const first = prefix ? encode([picture, text(prefix)]) : one
  const marks = one.ids.length
  const isExtended = one.ids.every((id, t) => id === two.ids[t] && id === first.ids[t])
  if (!isExtended || two.images[1]!.before >= two.ids.length) {
    throw new TokenizerError(
      `chat template "${template.name}" marks images by no token of their own behind them, so a frame has nothing to be read with: give it marks (chat.image in processor_config.json)`,
    )
  }
  return {
    ids: first.ids,
    before: first.images[0]!.before,
    from: first.images[0]!.from ?? first.images[0]!.before,
    prefixIds: [...first.ids.subarray(marks)],
    frameIds: two.ids.subarray(marks),
    frameBefore: two.images[1]!.before - marks,
    frameFrom: (two.images[1]!.from ?? two.images[1]!.before) - marks,
  }
}
