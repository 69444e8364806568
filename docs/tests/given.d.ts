/** What examples in documents take for granted: values that a reader has of their own. */
import type {
  BackboneFamily,
  Dataset,
  Message,
  Params,
  RgbImage,
  TensorTable,
  VisionEncoder,
  VisionEncoderFamily,
} from '@casa-js/core'
import type { RunDefinition } from '@casa-js/train'
import type { ChatTemplate, TextTokenizer } from '@casa-js/tokenizers'
import type { VideoFrame, Vlm } from '@casa-js/vlm'

declare global {
  const image: RgbImage
  const video: AsyncIterable<VideoFrame>
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
  const checkpoint: { position?: number[] }
  const vlm: Vlm
  const step: number
  const run: RunDefinition
  /** A backbone family. */
  const yours: BackboneFamily
}
