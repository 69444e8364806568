/**
 * A model in a worker, for pages: the page stays responsive while the model computes. Page and worker exchange messages; errors
 * keep their classes.
 */
import { fromErrorData, StateError } from '@casa-js/base'
import type { MemoryUse } from '@casa-js/tensor'
import { proxy, releaseProxy, transfer, wrap, type Remote } from 'comlink'
import { WorkerCrashedError } from './errors.ts'
import type {
  Answer,
  AskSettings,
  CaptionSettings,
  EarlierTurn,
  LiveCaption,
  LiveFrame,
  LoadProgress,
  LoadRequest,
  ModelFile,
  ModelInfo,
  ModelSource,
  Outcome,
  Picture,
  Trained,
  TrainEvent,
  TrainSettings,
  WorkerApi,
} from './protocol.ts'

/** Options of `createVlmClient`. */
export interface VlmClientOptions extends Partial<Pick<LoadRequest, 'device' | 'software' | 'weights' | 'token'>> {
  model: ModelSource
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
   * float32, beside the loaded model: about 20 bytes per parameter.
   * @throws the error that the worker threw, e.g. DivergedError, OutOfMemoryError or ImageError (then the loaded model is as it was),
   *   or WorkerCrashedError.
   */
  train(settings: TrainSettings & TrainOptions): Promise<Trained>
  /**
   * The files of a model folder, which `casa ask`, `loadVlm` and this client read.
   * @param dtype how weights are stored. Default: "BF16"
   */
  files(dtype?: 'F32' | 'BF16' | 'F16'): Promise<ModelFile[]>
  /** Tensors and bytes that live on the device. */
  memory(): Promise<MemoryUse>
  /** After a crash or a lost device: starts a new worker with the model as it was loaded. Earlier conversations are lost, calls in flight reject. */
  restart(): Promise<void>
  /** Terminate the worker, which frees the model. Calls in flight reject with StateError. */
  dispose(): Promise<void>
}

/** State of the connection to a worker; replaced as a whole by restart(). */
interface Connection {
  worker: ModelWorker
  api: Remote<WorkerApi>
  /** Rejects when the worker ends, by itself or because this client ended it. */
  ended: Promise<never>
  end(reason: Error): void
}

/** Wraps a callback for the worker. It is called until the call is over, and not afterwards. */
type Listen = <V>(callback?: (value: V) => void) => (value: V) => void

/** How long a worker may take until it answers for the first time, on the slowest machine. */
const startLimitMs = 60_000
/** How long an aborted load may take to store what was downloaded. */
const abortLimitMs = 5_000

/**
 * Start a worker and load a model in it.
 * @returns a client once the model is ready
 * @throws the error that loading threw, e.g. WeightError; DeviceUnavailableError; WorkerCrashedError; the signal's reason.
 */
export async function createVlmClient(options: VlmClientOptions): Promise<VlmClient> {
  const start = options.worker ?? (() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'casa-js' }))
  let connection: Connection | undefined
  let callCount = 0

  const connected = (): Connection => {
    if (!connection) throw new StateError('this client was disposed: create another')
    return connection
  }

  /** Makes a call. It ends with its result, with the worker, or with an abort that the worker confirms, whichever comes first. */
  async function call<T>(
    run: (api: Remote<WorkerApi>, number: number, listen: Listen) => Promise<Outcome<T>>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted()
    const { api, ended } = connected()
    const number = ++callCount
    let isOver = false
    const listen: Listen = (callback) =>
      proxy((value) => {
        if (!isOver) callback?.(value)
      })
    const abort = () => void api.abort(number)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const outcome = await Promise.race([run(api, number, listen), ended])
      if ('value' in outcome) return outcome.value
      signal?.throwIfAborted()
      throw fromErrorData(outcome.fault, [WorkerCrashedError])
    } finally {
      isOver = true
      signal?.removeEventListener('abort', abort)
    }
  }

  async function connect(onProgress: VlmClientOptions['onProgress'], signal?: AbortSignal): Promise<ModelInfo> {
    signal?.throwIfAborted()
    const opened = openConnection(start())
    connection = opened
    // A worker that never answers must not keep its caller waiting.
    const limit = (ms: number, reason: () => Error) => setTimeout(() => opened.end(reason()), ms)
    const late = `the worker did not answer within ${startLimitMs / 1000} seconds`
    const starting = limit(startLimitMs, () => new WorkerCrashedError(`${late}; create another client`))
    let aborting: ReturnType<typeof setTimeout> | undefined
    const abort = () => (aborting = limit(abortLimitMs, () => signal!.reason as Error))
    signal?.addEventListener('abort', abort, { once: true })
    const request: LoadRequest = {
      model: typeof options.model === 'string' ? resolveAddress(options.model) : options.model,
      device: options.device ?? 'auto',
      software: options.software ?? false,
      weights: options.weights,
      token: options.token,
    }
    try {
      return await call((api, number, listen) => {
        void api.hello().then(() => clearTimeout(starting))
        return api.load(number, request, listen(onProgress))
      }, signal)
    } catch (error) {
      disconnect(error as Error)
      throw error
    } finally {
      clearTimeout(starting)
      clearTimeout(aborting)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Terminating the worker frees all that it holds, whatever it is doing; calls in flight reject. */
  function disconnect(reason: Error): void {
    if (!connection) return
    const { api, worker, end } = connection
    connection = undefined
    end(reason)
    api[releaseProxy]()
    worker.terminate()
  }

  let info = await connect(options.onProgress, options.signal)

  return {
    get info() {
      return info
    },
    ask: (pictures, question, { onText, signal, ...settings } = {}) =>
      call((api, number, listen) => api.ask(number, pictures, question, settings, listen(onText)), signal),
    async createConversation(settings = {}, earlier = []) {
      const conversation = await call((api) => api.openConversation(settings, earlier))
      return {
        say: (text, { onText, signal, pictures = [], ...more } = {}) =>
          call(
            (api, number, listen) => api.say(number, conversation, pictures, text, { ...settings, ...more }, listen(onText)),
            signal,
          ),
        close: () => call((api) => api.closeConversation(conversation)),
      }
    },
    caption({ onCaption, ...settings }) {
      const stop = new AbortController()
      let number = 0
      const finished = call((api, own, listen) => {
        number = own
        return api.caption(own, settings, listen(onCaption))
      }, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error
      })
      // Avoids an unhandled rejection when the caller does not await it.
      finished.catch(() => {})
      return {
        push(frame) {
          const moved = frame.image instanceof ImageBitmap ? transfer(frame, [frame.image]) : frame
          void connection?.api.pushFrame(number, moved)
        },
        end() {
          void connection?.api.endFrames(number)
          return finished
        },
        stop() {
          stop.abort()
          return finished
        },
        finished,
      }
    },
    async train({ onEvent, signal, ...settings }) {
      const trained = await call((api, number, listen) => api.train(number, settings, listen(onEvent)), signal)
      info = trained.info
      return trained
    },
    files: (dtype = 'BF16') => call((api) => api.files(dtype)),
    memory: () => call((api) => api.memory()),
    async restart() {
      disconnect(new StateError('this client was restarted while the call ran: call again'))
      info = await connect(undefined)
    },
    async dispose() {
      disconnect(new StateError('this client was disposed while the call ran: create another'))
    },
  }
}

function openConnection(worker: ModelWorker): Connection {
  let end = (_reason: Error): void => {}
  const ended = new Promise<never>((_, reject) => (end = reject))
  // Avoids an unhandled rejection when no call is pending.
  ended.catch(() => {})
  worker.addEventListener('error', (event) =>
    end(new WorkerCrashedError(`the worker ended: ${event.message || 'its script could not be loaded'}; call restart()`)),
  )
  worker.addEventListener('messageerror', () =>
    end(new WorkerCrashedError('the worker sent what cannot be read; call restart()')),
  )
  return { worker, api: wrap<WorkerApi>(worker), ended, end }
}

/** "/model/" and "model/" are relative to the page, but the worker has a URL of its own. */
const resolveAddress = (model: string): string => (/^[a-z]+:/i.test(model) ? model : new URL(model, document.baseURI).href)
