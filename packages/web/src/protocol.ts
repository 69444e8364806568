/**
 * The messages between page and worker. Plain data and callbacks only, since messages are structured clones. Cloning a Blob does not
 * copy its data; the worker decodes it.
 */
import type { ErrorData, RgbImage } from '@casa-js/base'
import type { DeviceReport, InitOptions, MemoryUse } from '@casa-js/tensor'
import type { EndEvent, EvaluatingEvent, EvaluationEvent, StartEvent, StepEvent } from '@casa-js/train'
import type { GoldenCheck, VerifyEvent } from '@casa-js/verify'
import type { AnswerEnd, CaptionedFrame, CaptionOptions, SamplingOptions, SessionOptions } from '@casa-js/vlm'

/** A picture: a file, a snapshot (`canvas.toBlob`), or decoded pixels. */
export type Picture = Blob | RgbImage

/** Where a model comes from: a URL, "hub:organisation/name", "opfs:path", a folder handle, or the files of a dropped folder. */
export type ModelSource = string | FileSystemDirectoryHandle | readonly File[]

/** What to load, and on which device. */
export interface LoadRequest {
  model: ModelSource
  /** The base of an adapter, where it is not the one that the adapter names. */
  base?: ModelSource | undefined
  /** Name of the model in `ModelInfo`, where the source has none. */
  name?: string | undefined
  device: NonNullable<InitOptions['device']>
  /** Accept a WebGPU adapter that runs on the CPU; for tests. */
  software: boolean
  /** Matrices in memory: compressed as in the folder, or float32. */
  weights?: 'float32' | 'compressed' | undefined
  /** Access token for the hub. */
  token?: string | undefined
}

/** Progress of loading: first the downloads, then the upload of weights to the device. */
export type LoadProgress =
  | { stage: 'device'; device: DeviceReport }
  | {
      stage: 'download'
      file: string
      receivedBytes: number
      /** Undefined if the server does not say. */
      totalBytes?: number | undefined
      /** Mean over the last few seconds; 0 at the start. */
      bytesPerSecond: number
    }
  | { stage: 'weights'; loadedTensors: number; totalTensors: number }

/** A description of a loaded model. */
export interface ModelInfo {
  name: string
  device: DeviceReport
  /** `model_type` of the language model, e.g. "llama". */
  languageModel: string
  /** How image and text are fused: "casa", "insertion", "none", or another fusion's name. */
  fusion: string
  /** Absent for a text-only model. */
  visionEncoder?: string | undefined
  parameters: number
  /** Size of its weights on the device, in bytes. */
  weightBytes: number
  vocabulary: number
  /** Loading time, including downloads. */
  loadMs: number
}

/** How an answer is generated. */
export interface AskSettings extends Pick<SessionOptions, 'capacityTokens'> {
  system?: string | undefined
  /** Default: 128. */
  maxNewTokens?: number | undefined
  /** Default: greedy. */
  sampling?: (SamplingOptions & { seed?: number | undefined }) | undefined
  /** Report attention for each piece of the answer (`Answer.looked`). Default: false. */
  attention?: boolean | undefined
}

/** Attention over the picture while an answer was generated. */
export interface Looked {
  /** The last picture's tokens: rows x columns. */
  grid: { rows: number; columns: number }
  pieces: {
    text: string
    /** Per layer: weights over the last picture's tokens, row-major, and the share of the softmax on all pictures. */
    layers: { layer: number; image: Float32Array; imageShare: number }[]
  }[]
}

/** A turn of a previous conversation; pictures come before the text. */
export interface EarlierTurn {
  role: 'user' | 'assistant'
  text: string
  pictures?: Picture[] | undefined
}

/** An answer and its statistics. */
export interface Answer {
  text: string
  /** Why it ended: a stop token, `maxNewTokens`, the capacity, or time. */
  end: AnswerEnd
  /** Number of generated tokens. */
  tokens: number
  /** Time from the call to the first token, in milliseconds, including image decoding. */
  timeToFirstTokenMs: number
  /** Rate of the tokens after the first; 0 if there was only one. */
  tokensPerSecond: number
  /** Present if `attention` was requested and there was a picture. */
  looked?: Looked | undefined
}

/** Options of live captions. */
export interface CaptionSettings extends Pick<
  CaptionOptions,
  'system' | 'prompt' | 'prefix' | 'framesPerSecond' | 'maxTokensPerFrame' | 'budgetMs' | 'capacityTokens'
> {
  /** Default: the sampling of CASA's live captions. */
  sampling?: (SamplingOptions & { seed?: number | undefined }) | undefined
}

/** A frame of a live video: pixels, and when it was shown, in milliseconds from the start. A bitmap is transferred, not copied. */
export interface LiveFrame {
  image: ImageBitmap | RgbImage
  timeMs: number
}

/** The caption of a frame; `dropped` says how many frames were dropped before it because the model was busy. */
export interface LiveCaption extends CaptionedFrame {
  /** Tokens that token insertion would add to the cache for this frame, for comparison. */
  imageTokens: number
}

/** A picture, a question about it, and the answer to learn. */
export interface TrainExample {
  picture: Picture
  question: string
  answer: string
  /** Name in warnings and evaluations. Default: the file's name, or its number. */
  id?: string | undefined
}

/** What to learn, and how. */
export interface TrainSettings {
  examples: TrainExample[]
  /** Not learnt from: they are answered before the first update, every `evaluateEvery` updates, and after the last. */
  heldOut?: TrainExample[] | undefined
  /** Updates. Default: 20. */
  steps?: number | undefined
  /** Peak learning rate of all weights. Default: 3e-4. */
  learningRate?: number | undefined
  /** Updates between evaluations. Default: only at the beginning and the end. */
  evaluateEvery?: number | undefined
  /** Budgets of an update, in tokens. Default: 512 of text, 1024 of pictures. */
  batch?: { textTokens: number; imageTokens: number } | undefined
  /** Order of the examples. Default: 1. */
  seed?: number | undefined
}

/** What happens during training; the first evaluation is that of step 0. */
export type TrainEvent =
  StartEvent | StepEvent | EvaluatingEvent | EvaluationEvent | EndEvent | { kind: 'warning'; message: string }

/** What training came to. */
export interface Trained {
  /** Updates done. */
  steps: number
  /** Whether it was stopped before the last update. */
  stopped: boolean
  /** The trained model, which has taken the place of the loaded one. */
  info: ModelInfo
}

export type { GoldenCheck, VerifyEvent }

/** What the checks of a device came to. */
export interface Verified {
  /** Whether every check was within its limit. */
  passed: boolean
  checks: GoldenCheck[]
}

/** A file of a model folder. */
export interface ModelFile {
  name: string
  bytes: Uint8Array<ArrayBuffer>
}

/** The result of a call, or the error it threw, as data. */
export type Outcome<T> = { value: T } | { fault: ErrorData }

/** A callback on the other side; its promise resolves when it has been called. */
export type Callback<V> = (value: V) => void | Promise<void>

/**
 * The worker's side. `call` numbers a call so that `abort` can name it. A call's result is sent only after all its callbacks have been
 * called: they travel on ports of their own, and the result would overtake them on a busy machine.
 */
export interface WorkerApi {
  /** Answers once the worker's script runs. */
  hello(): void
  load(call: number, request: LoadRequest, onProgress: Callback<LoadProgress>): Promise<Outcome<ModelInfo>>
  ask(
    call: number,
    pictures: Picture[],
    question: string,
    settings: AskSettings,
    onText: Callback<string>,
  ): Promise<Outcome<Answer>>
  openConversation(settings: AskSettings, earlier: EarlierTurn[]): Promise<Outcome<number>>
  say(
    call: number,
    conversation: number,
    pictures: Picture[],
    text: string,
    settings: AskSettings,
    onText: Callback<string>,
  ): Promise<Outcome<Answer>>
  closeConversation(conversation: number): Promise<Outcome<void>>
  /** Ends when the call is aborted or `endFrames` is called; frames are sent with `pushFrame`. */
  caption(call: number, settings: CaptionSettings, onCaption: Callback<LiveCaption>): Promise<Outcome<void>>
  pushFrame(call: number, frame: LiveFrame): void
  endFrames(call: number): void
  /** An abort ends it after the current update. */
  train(call: number, settings: TrainSettings, onEvent: Callback<TrainEvent>): Promise<Outcome<Trained>>
  /** Recomputes the goldens at an address. Refused while other calls run. */
  verify(call: number, goldens: string, onEvent: Callback<VerifyEvent>): Promise<Outcome<void>>
  files(dtype: 'F32' | 'BF16' | 'F16'): Promise<Outcome<ModelFile[]>>
  memory(): Promise<Outcome<MemoryUse>>
  abort(call: number): void
}
