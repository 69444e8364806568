/** The page's side of a model in a worker: starts it, calls it, and ends it. */
import { fromErrorData, StateError } from '@casa-js/base'
import { proxy, releaseProxy, transfer, wrap, type Remote } from 'comlink'
import { WorkerCrashedError } from './errors.ts'
import type { GoldenCheck, LoadRequest, ModelInfo, ModelSource, Outcome, VerifyEvent, WorkerApi } from './protocol.ts'
import { startWorker } from './start-worker.ts'
import type { ModelWorker, VlmClient, VlmClientOptions } from './vlm-client.ts'

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
  const start = options.worker ?? startWorker
  let connection: Connection | undefined
  let callCount = 0
  /** What a restart loads: the model as given, or as it was last trained. */
  let current: Pick<LoadRequest, 'model' | 'base' | 'name'> = {
    model: resolveSource(options.model),
    ...(options.base !== undefined && { base: resolveSource(options.base) }),
  }

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
      ...current,
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

  /** A copy of the trained weights, as they are. Browsers may move blobs to the disk. */
  async function keepTrained(name: string): Promise<void> {
    const files = await call((api) => api.files('F32'))
    current = { model: files.map((file) => new File([file.bytes], file.name)), name }
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
      await keepTrained(info.name).catch((error: Error) =>
        onEvent?.({
          kind: 'warning',
          message: `a restart would lose this training: its weights cannot be kept: ${error.message}`,
        }),
      )
      return trained
    },
    async verify({ goldens, onCheck, signal }) {
      const checks: GoldenCheck[] = []
      let progress = { doneCases: 0, totalCases: 0 }
      const onEvent = (event: VerifyEvent) => {
        if (event.type === 'case') progress = { doneCases: event.index, totalCases: event.total }
        else {
          checks.push(event.check)
          onCheck?.(event.check, progress)
        }
      }
      await call((api, number, listen) => api.verify(number, resolveAddress(goldens), listen(onEvent)), signal)
      return { passed: checks.every(({ passed }) => passed), checks }
    },
    files: (dtype = 'BF16') => call((api) => api.files(dtype)),
    memory: () => call((api) => api.memory()),
    async restart() {
      disconnect(new StateError('this client was restarted while the call ran: call again'))
      info = await connect(options.onProgress)
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

const resolveSource = (model: ModelSource): ModelSource => (typeof model === 'string' ? resolveAddress(model) : model)

/** "/model/" and "model/" are relative to the page, but the worker has a URL of its own. */
const resolveAddress = (model: string): string => (/^[a-z]+:/i.test(model) ? model : new URL(model, document.baseURI).href)
