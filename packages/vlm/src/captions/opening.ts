/** The token ids at the start of a caption stream, and those that each frame adds. */
import { TokenizerError, type Message, type RgbImage } from '@casa-js/base'
import { encodeChat } from '@casa-js/tokenizers'
import type { Vlm } from '../load.ts'
import type { CaptionOptions } from './options.ts'

export interface Opening {
  /** The conversation up to the first image, the image's marker tokens, and the prefix. */
  ids: Int32Array
  /** The place of the first image in `ids`. */
  before: number
  /** Where the marker tokens before it begin. */
  from: number
  prefixIds: number[]
  /** The marker tokens of a later image. */
  frameIds: Int32Array
  frameBefore: number
  frameFrom: number
}

/** The ids of all frames, found by encoding a turn with one image and with two: the difference is a frame. */
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
