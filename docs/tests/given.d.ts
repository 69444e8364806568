/** What examples in documents take for granted: values that a reader has of their own. */
import type { BackboneFamily, Dataset, Message, Params, RgbImage, TensorTable, VisionEncoder, VisionEncoderFamily } from '@casa-js/core'
import type { ChatTemplate, TextTokenizer } from '@casa-js/tokenizers'

declare global {
  const image: RgbImage
  const video: AsyncIterable<RgbImage>
  const dataset: Dataset
  const tokenizer: TextTokenizer
  const template: ChatTemplate
  const encoder: VisionEncoder
  const family: VisionEncoderFamily
  const config: unknown
  const params: Params
  const table: TensorTable
  const messages: Message[]
  const generated: Iterable<number>
  const texts: string[]
  const checkpoint: { data?: unknown }
  const yours: BackboneFamily
}
