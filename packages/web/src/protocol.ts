/**
 * What page and worker say to each other. Plain data and callbacks only: it crosses a structured clone. Pictures that are Blobs are
 * shared by the clone, not copied; the worker decodes them.
 */
import type { ErrorData, RgbImage } from '@casa-js/base'
import type { DeviceReport, InitOptions, MemoryUse } from '@casa-js/tensor'
import type { AnswerEnd, CaptionedFrame, CaptionOptions, SamplingOptions, SessionOptions } from '@casa-js/vlm'

/** A picture: a file, a snapshot (`canvas.toBlob`), or decoded pixels. */
export type Picture = Blob | RgbImage

/** Where a model comes from: an address, "hub:organisation/name", "opfs:path", a folder handle, or the files of a dropped folder. */
export type ModelSource = string | FileSystemDirectoryHandle | readonly File[]

/** What to load, and on which device. */
export interface LoadRequest {
  model: ModelSource
  device: NonNullable<InitOptions['device']>
  /** Accept a WebGPU adapter that runs on the processor; for tests. */
  software: boolean
  /** How matrices are held: as the folder holds them, or unpacked. */
  weights?: 'float32' | 'compressed' | undefined
  /** Access token of the hub. */
  token?: string | undefined
}

/** How far loading is. Downloads come first, then weights are put on the device. */
export type LoadProgress =
  | { stage: 'device'; device: DeviceReport }
  | {
      stage: 'download'
      file: string
      receivedBytes: number
      /** Unknown where the server does not say. */
      totalBytes?: number | undefined
      /** Mean over the last seconds; 0 at the start. */
      bytesPerSecond: number
    }
  | { stage: 'weights'; loadedTensors: number; totalTensors: number }

/** A loaded model, for people and programs. */
export interface ModelInfo {
  name: string
  device: DeviceReport
  /** `model_type` of the language model, e.g. "llama". */
  languageModel: string
  /** How images reach the text: "casa", "insertion", "none", or another fusion's name. */
  fusion: string
  /** Absent in a model that takes text only. */
  visionEncoder?: string | undefined
  parameters: number
  /** Bytes of its weights on the device. */
  weightBytes: number
  vocabulary: number
  /** Time that loading took, downloads included. */
  loadMs: number
}

/** How an answer is generated. */
export interface AskSettings extends Pick<SessionOptions, 'capacityTokens'> {
  system?: string | undefined
  /** 128 unless given. */
  maxNewTokens?: number | undefined
  /** Greedy unless given. */
  sampling?: (SamplingOptions & { seed?: number | undefined }) | undefined
  /** Tell where the model looked at each piece of the answer (`Answer.looked`); false unless given. */
  attention?: boolean | undefined
}

/** Where the model looked while it said something. */
export interface Looked {
  /** The last picture's tokens: rows x columns. */
  grid: { rows: number; columns: number }
  pieces: {
    text: string
    /** Per layer: weights over the last picture's tokens, rows first, and how much of the softmax lies on pictures at all. */
    layers: { layer: number; image: Float32Array; imageShare: number }[]
  }[]
}

/** A turn of a conversation that was held before: pictures stand in front of the text. */
export interface EarlierTurn {
  role: 'user' | 'assistant'
  text: string
  pictures?: Picture[] | undefined
}

/** An answer and how it came about. */
export interface Answer {
  text: string
  /** Why it ended: a stop token, `maxNewTokens`, the capacity, or time. */
  end: AnswerEnd
  /** Generated tokens. */
  tokens: number
  /** From the call to the first token, in milliseconds, decoding pictures included. */
  timeToFirstTokenMs: number
  /** Of the tokens after the first; 0 when there was one. */
  tokensPerSecond: number
  /** Where `attention` was asked for and there was a picture. */
  looked?: Looked | undefined
}

/** How a live video is captioned. */
export interface CaptionSettings extends Pick<
  CaptionOptions,
  'system' | 'prompt' | 'prefix' | 'framesPerSecond' | 'maxTokensPerFrame' | 'budgetMs' | 'capacityTokens'
> {
  /** As CASA's live captions are sampled, unless given. */
  sampling?: (SamplingOptions & { seed?: number | undefined }) | undefined
}

/** A frame of a live video: pixels, and when it was shown, in milliseconds from the start. A bitmap is moved, not copied. */
export interface LiveFrame {
  image: ImageBitmap | RgbImage
  timeMs: number
}

/** What was said of a frame, and how many frames were dropped before it because the model was still busy. */
export interface LiveCaption extends CaptionedFrame {
  droppedFrames: number
  /** Tokens that token insertion would keep for this frame, for comparison. */
  imageTokens: number
}

/** The result of a call, or the error it threw, as data. */
export type Outcome<T> = { value: T } | { fault: ErrorData }

/** The worker's side. `call` numbers a call so that `abort` can name it. */
export interface WorkerApi {
  load(call: number, request: LoadRequest, onProgress: (progress: LoadProgress) => void): Promise<Outcome<ModelInfo>>
  ask(
    call: number,
    pictures: Picture[],
    question: string,
    settings: AskSettings,
    onText: (text: string) => void,
  ): Promise<Outcome<Answer>>
  openConversation(settings: AskSettings, earlier: EarlierTurn[]): Promise<Outcome<number>>
  say(
    call: number,
    conversation: number,
    pictures: Picture[],
    text: string,
    settings: AskSettings,
    onText: (text: string) => void,
  ): Promise<Outcome<Answer>>
  closeConversation(conversation: number): Promise<Outcome<void>>
  /** Ends when the call is aborted or `endFrames` is called; frames come by `pushFrame`. */
  caption(call: number, settings: CaptionSettings, onCaption: (caption: LiveCaption) => void): Promise<Outcome<void>>
  pushFrame(call: number, frame: LiveFrame): void
  endFrames(call: number): void
  memory(): Promise<Outcome<MemoryUse>>
  abort(call: number): void
  dispose(): Promise<Outcome<void>>
}
