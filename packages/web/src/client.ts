/**
 * A model in a worker, for pages: the page stays responsive while the model computes. Everything crosses as messages; errors
 * arrive as the classes that were thrown.
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
  ModelInfo,
  ModelSource,
  Outcome,
  Picture,
  WorkerApi,
} from './protocol.ts'

/** How a client is made. */
export interface VlmClientOptions extends Partial<Pick<LoadRequest, 'device' | 'software' | 'weights' | 'token'>> {
  model: ModelSource
  onProgress?: ((progress: LoadProgress) => void) | undefined
  /** Ends loading; what was downloaded stays and is continued the next time. */
  signal?: AbortSignal | undefined
  /** Makes the worker; the default is this package's own. */
  worker?: (() => Worker) | undefined
}

/** How one question is answered. */
export interface AskOptions extends AskSettings {
  /** Called with each piece of the answer as it is generated. */
  onText?: ((text: string) => void) | undefined
  signal?: AbortSignal | undefined
}

/** A conversation in the worker. */
export interface ClientConversation {
  /**
   * Say something, with pictures or without, and get the answer.
   * @throws the error that the worker threw, WorkerCrashedError, or the signal's reason.
   */
  say(text: string, options?: AskOptions & { pictures?: Picture[] | undefined }): Promise<Answer>
  close(): Promise<void>
}

/** How a live video is captioned. */
export interface CaptionOptions extends CaptionSettings {
  onCaption: (caption: LiveCaption) => void
}

/** Captions in the making. */
export interface LiveCaptions {
  /** Show the model a frame. A bitmap is moved to the worker: it cannot be used afterwards. */
  push(frame: LiveFrame): void
  /** No more frames: resolves when the last is captioned. */
  end(): Promise<void>
  /** End at once, within a token. */
  stop(): Promise<void>
  /** Resolves when captions ended by `end` or `stop`. @throws the error that the worker threw, or WorkerCrashedError. */
  readonly finished: Promise<void>
}

/** A loaded model. */
export interface VlmClient {
  readonly info: ModelInfo
  /** One question about some pictures. @throws the error that the worker threw, WorkerCrashedError, or the signal's reason. */
  ask(pictures: Picture[], question: string, options?: AskOptions): Promise<Answer>
  /** @param earlier turns held before, to go on from: they are read once, at the first `say` */
  createConversation(settings?: AskSettings, earlier?: EarlierTurn[]): Promise<ClientConversation>
  /**
   * Caption a live video: give frames with `push`, as they are shown; captions come to `onCaption`. While the model is busy the
   * newest frame waits and older ones are dropped.
   */
  caption(options: CaptionOptions): LiveCaptions
  /** Tensors and bytes that live on the device. */
  memory(): Promise<MemoryUse>
  /** After a crash or a lost device: a new worker with the same model. Conversations of before are gone. */
  restart(): Promise<void>
  /** Free the model and end the worker. */
  dispose(): Promise<void>
}

/** What a page is doing with its worker; replaced as a whole by restart(). */
interface Connection {
  worker: Worker
  api: Remote<WorkerApi>
  /** Rejects when the worker ends by itself. */
  crashed: Promise<never>
}

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

  /** A call, ended by whatever comes first: its outcome, a crash, or an abort (which the worker confirms). */
  async function call<T>(run: (api: Remote<WorkerApi>, number: number) => Promise<Outcome<T>>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const { api, crashed } = connected()
    const number = ++callCount
    const abort = () => void api.abort(number)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const outcome = await Promise.race([run(api, number), crashed])
      if ('value' in outcome) return outcome.value
      signal?.throwIfAborted()
      throw fromErrorData(outcome.fault, [WorkerCrashedError])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async function connect(onProgress: VlmClientOptions['onProgress'], signal?: AbortSignal): Promise<ModelInfo> {
    const worker = start()
    const crashed = new Promise<never>((_, reject) => {
      worker.addEventListener('error', (event) =>
        reject(new WorkerCrashedError(`the worker ended: ${event.message || 'its script could not be loaded'}; call restart()`)),
      )
      worker.addEventListener('messageerror', () =>
        reject(new WorkerCrashedError('the worker sent what cannot be read; call restart()')),
      )
    })
    // Nobody may be waiting when it happens.
    crashed.catch(() => {})
    connection = { worker, api: wrap<WorkerApi>(worker), crashed }
    const request: LoadRequest = {
      model: typeof options.model === 'string' ? resolveAddress(options.model) : options.model,
      device: options.device ?? 'auto',
      software: options.software ?? false,
      weights: options.weights,
      token: options.token,
    }
    try {
      return await call((api, number) => api.load(number, request, proxy(onProgress ?? (() => {}))), signal)
    } catch (error) {
      disconnect()
      throw error
    }
  }

  function disconnect(): void {
    connection?.api[releaseProxy]()
    connection?.worker.terminate()
    connection = undefined
  }

  const listen = (onText?: (text: string) => void) => proxy(onText ?? (() => {}))
  let info = await connect(options.onProgress, options.signal)

  return {
    get info() {
      return info
    },
    ask: (pictures, question, { onText, signal, ...settings } = {}) =>
      call((api, number) => api.ask(number, pictures, question, settings, listen(onText)), signal),
    async createConversation(settings = {}, earlier = []) {
      const conversation = await call((api) => api.openConversation(settings, earlier))
      return {
        say: (text, { onText, signal, pictures = [], ...more } = {}) =>
          call((api, number) => api.say(number, conversation, pictures, text, { ...settings, ...more }, listen(onText)), signal),
        close: () => call((api) => api.closeConversation(conversation)),
      }
    },
    caption({ onCaption, ...settings }) {
      const stop = new AbortController()
      let number = 0
      const finished = call((api, own) => {
        number = own
        return api.caption(own, settings, proxy(onCaption))
      }, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error
      })
      // Whoever cares awaits it; nobody must.
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
    memory: () => call((api) => api.memory()),
    async restart() {
      disconnect()
      info = await connect(undefined)
    },
    async dispose() {
      if (!connection) return
      try {
        await call((api) => api.dispose())
      } finally {
        disconnect()
      }
    },
  }
}

/** "/model/" and "model/" are meant as the page means them; the worker has an address of its own. */
const resolveAddress = (model: string): string => (/^[a-z]+:/i.test(model) ? model : new URL(model, document.baseURI).href)
