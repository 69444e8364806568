/**
 * A model in a worker, for pages: the page stays responsive while the model computes. Page and worker exchange messages; errors
 * keep their classes.
 */
import type { MemoryUse } from '@casa-js/tensor'
import type {
  Answer,
  AskSettings,
  CaptionSettings,
  EarlierTurn,
  GoldenCheck,
  LiveCaption,
  LiveFrame,
  LoadProgress,
  LoadRequest,
  ModelFile,
  ModelInfo,
  ModelSource,
  Picture,
  Trained,
  TrainEvent,
  TrainSettings,
  Verified,
} from './protocol.ts'

/** Options of `createVlmClient`. */
export interface VlmClientOptions extends Partial<Pick<LoadRequest, 'device' | 'software' | 'weights' | 'token'>> {
  model: ModelSource
  /**
   * For an adapter: the folder of the model that it was made for. Unless given, it is where the adapter says; a folder that is another
   * model's is refused with a WeightError that says which tensor differs.
   */
  base?: ModelSource | undefined
  /** Called while the model loads, by `restart` too. */
  onProgress?: ((progress: LoadProgress) => void) | undefined
  /** Cancels loading; what was downloaded is kept and resumed the next time. */
  signal?: AbortSignal | undefined
  /** Creates the worker. Default: this package's own. */
  worker?: (() => ModelWorker) | undefined
}

/** What a client needs of a worker. */
export type ModelWorker = Pick<Worker, 'postMessage' | 'addEventListener' | 'removeEventListener' | 'terminate'>

/** Options for one question. */
export interface AskOptions extends AskSettings {
  /** Called with each piece of the answer as it is generated. */
  onText?: ((text: string) => void) | undefined
  signal?: AbortSignal | undefined
}

/** A conversation in the worker. */
export interface ClientConversation {
  /**
   * Send a message, with or without pictures, and get the answer.
   * @throws the error that the worker threw, WorkerCrashedError, or the signal's reason.
   */
  say(text: string, options?: AskOptions & { pictures?: Picture[] | undefined }): Promise<Answer>
  close(): Promise<void>
}

/** Options of live captions. */
export interface CaptionOptions extends CaptionSettings {
  onCaption: (caption: LiveCaption) => void
}

/** Options of training. */
export interface TrainOptions {
  onEvent?: ((event: TrainEvent) => void) | undefined
  signal?: AbortSignal | undefined
}

/** Options of `verify`. */
export interface VerifyOptions {
  /** Address of a folder of goldens: a copy of the one in @casa-js/verify, served beside the page. */
  goldens: string
  /** Called with each check, and how many of the golden folders are done. */
  onCheck?: ((check: GoldenCheck, progress: { doneCases: number; totalCases: number }) => void) | undefined
  signal?: AbortSignal | undefined
}

/** Running live captions. */
export interface LiveCaptions {
  /** Send a frame to the model. A bitmap is transferred to the worker and cannot be used afterwards. */
  push(frame: LiveFrame): void
  /** No more frames follow; resolves when the last one is captioned. */
  end(): Promise<void>
  /** Stop at once, within a token. */
  stop(): Promise<void>
  /** Resolves when captions ended by `end` or `stop`. @throws the error that the worker threw, or WorkerCrashedError. */
  readonly finished: Promise<void>
}

/** A loaded model. */
export interface VlmClient {
  readonly info: ModelInfo
  /** Ask one question about some pictures. @throws the error that the worker threw, WorkerCrashedError, or the signal's reason. */
  ask(pictures: Picture[], question: string, options?: AskOptions): Promise<Answer>
  /** @param earlier previous turns to continue from; they are processed once, at the first `say` */
  createConversation(settings?: AskSettings, earlier?: EarlierTurn[]): Promise<ClientConversation>
  /**
   * Caption a live video: pass frames to `push` as they are shown; captions are passed to `onCaption`. While the model is busy the
   * newest frame waits and older ones are dropped.
   */
  caption(options: CaptionOptions): LiveCaptions
  /**
   * Teach the model: all its weights train, in the worker, with the code of `casa train`. The trained model takes the place of the
   * loaded one; conversations are closed. An abort stops after the current update and keeps what was learnt. Matrices train as
   * float32, beside the loaded model: about 20 bytes per parameter. The page keeps a copy of the trained weights, 4 bytes per parameter, for
   * `restart`; where there is no room for it, a warning says so.
   * @throws the error that the worker threw, e.g. DivergedError, OutOfMemoryError or ImageError (then the loaded model is as it was),
   *   or WorkerCrashedError.
   */
  train(settings: TrainSettings & TrainOptions): Promise<Trained>
  /**
   * Recompute known answers, forward and gradient, on the device that the model runs on, as `casa verify` does. The loaded model is not
   * touched, and refuses other calls until it is over.
   * @returns whether all checks passed; failed checks do not throw
   * @throws StateError while other calls run; FileError when there are no goldens at the address; the signal's reason, at the next check
   */
  verify(options: VerifyOptions): Promise<Verified>
  /**
   * The files of a model folder, which `casa ask`, `loadVlm` and this client read.
   * @param dtype how weights are stored. Default: "BF16"
   */
  files(dtype?: 'F32' | 'BF16' | 'F16'): Promise<ModelFile[]>
  /** Tensors and bytes that live on the device. */
  memory(): Promise<MemoryUse>
  /**
   * After a crash or a lost device: starts a new worker with the model as it was after the last `train` that ended, or as it was loaded.
   * Earlier conversations are lost, calls in flight reject, and so is what a training learnt that had not ended.
   */
  restart(): Promise<void>
  /** Terminate the worker, which frees the model. Calls in flight reject with StateError. */
  dispose(): Promise<void>
}
