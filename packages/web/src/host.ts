/** The worker's side of the protocol: one model, its conversations, and the calls in flight. */
import { StateError, toErrorData, type Message } from '@casa-js/base'
import { init, memory } from '@casa-js/tensor'
import { captionStream, createConversation, createSampler, loadVlm, saveVlm, type Conversation, type Vlm } from '@casa-js/vlm'
import { memoryFolder } from '@casa-js/weights'
import { transfer } from 'comlink'
import { createFrameQueue, type FrameQueue } from './frame-queue.ts'
import { nameOf, openSource } from './folder.ts'
import { describeModel } from './model-info.ts'
import type {
  AskSettings,
  Callback,
  LoadProgress,
  LoadRequest,
  ModelFile,
  ModelInfo,
  ModelSource,
  Outcome,
  Trained,
  TrainEvent,
  TrainSettings,
  VerifyEvent,
  WorkerApi,
} from './protocol.ts'
import { contentOf, say } from './say.ts'
import { recordFolder } from './stored.ts'
import { createThroughput } from './throughput.ts'
import { trainOnPictures } from './train.ts'

/** @returns the object that a worker exposes; it has no model until `load` is called. */
export function createHost(): WorkerApi {
  let vlm: Vlm | undefined
  let info: ModelInfo | undefined
  let conversationCount = 0
  const conversations = new Map<number, Conversation>()
  const calls = new Map<number, AbortController>()
  const queues = new Map<number, FrameQueue>()
  let isVerifying = false
  /** Closed while the device is verified, which counts its tensors: freed afterwards. */
  const closing: Conversation[] = []

  const loaded = (): Vlm => {
    if (isVerifying) throw new StateError('the device is being verified: wait until it is over, or abort it')
    if (!vlm) throw new StateError('no model is loaded: call load() first')
    return vlm
  }

  /** Runs a call that can be aborted by its number, and returns when `callback` has been called with all that was sent to it. */
  async function during<T, V>(
    call: number,
    callback: Callback<V>,
    run: (signal: AbortSignal, send: (value: V) => void) => Promise<T>,
  ): Promise<Outcome<T>> {
    const controller = new AbortController()
    calls.set(call, controller)
    let sent: unknown
    try {
      return await outcome(() => run(controller.signal, (value) => (sent = callback(value))))
    } finally {
      calls.delete(call)
      // One port keeps its order: the last one comes last. What the page's own function throws is reported there.
      await Promise.resolve(sent).catch(() => {})
    }
  }

  const free = (): void => {
    for (const conversation of conversations.values()) conversation.dispose()
    conversations.clear()
    vlm?.dispose()
    vlm = undefined
  }

  /** Alone on the device: the checks count its tensors. */
  async function verify(goldens: string, onEvent: (event: VerifyEvent) => void, signal: AbortSignal): Promise<void> {
    loaded()
    const { device } = info!.device
    if (calls.size > 1) throw new StateError('the model is at work: verify its device when it is done')
    isVerifying = true
    try {
      // Loaded when it is asked for.
      const { goldensAt, verifyGoldens } = await import('@casa-js/verify')
      for await (const event of verifyGoldens(await goldensAt(goldens, { signal }), { device, signal })) onEvent(event)
    } finally {
      isVerifying = false
      for (const conversation of closing.splice(0)) conversation.dispose()
    }
  }

  async function load(request: LoadRequest, onProgress: (progress: LoadProgress) => void, signal: AbortSignal) {
    const started = performance.now()
    if (isVerifying) throw new StateError('the device is being verified: abort that before another model is loaded')
    free()
    const device = await init({ device: request.device, software: request.software })
    onProgress({ stage: 'device', device })
    const rate = createThroughput()
    const records: { store(): Promise<void> }[] = []
    const open = async (source: ModelSource) => {
      const folder = await openSource(source, {
        token: request.token,
        signal,
        onProgress: ({ file, receivedBytes, totalBytes }) =>
          onProgress({ stage: 'download', file, receivedBytes, totalBytes, bytesPerSecond: rate(receivedBytes) }),
      })
      // Only a page has a private file system; hosts are tested in Node too.
      if (typeof source !== 'string' || !globalThis.navigator?.storage) return folder
      const recorded = recordFolder(folder, source)
      records.push(recorded)
      return recorded.folder
    }
    vlm = await loadVlm(await open(request.model), {
      signal,
      weights: request.weights,
      base: request.base === undefined ? undefined : await open(request.base),
      openBase: open,
      onProgress: ({ loadedTensors, totalTensors }) => onProgress({ stage: 'weights', loadedTensors, totalTensors }),
    })
    for (const record of records) await record.store()
    const name = request.name ?? nameOf(request.model)
    return (info = describeModel(vlm, { name, device, loadMs: performance.now() - started }))
  }

  /** Trains a float32 copy of the model, which then takes its place. All weights train: an adapter becomes a whole model. */
  async function train(settings: TrainSettings, onEvent: (event: TrainEvent) => void, signal: AbortSignal): Promise<Trained> {
    const folder = memoryFolder('model')
    const { model, files } = loaded()
    await saveVlm({ model, files: { ...files, adapter: undefined } }, folder, { dtype: 'F32' })
    const copy = await loadVlm(folder, { weights: 'float32' })
    try {
      const result = await trainOnPictures(copy, settings, onEvent, signal)
      free()
      vlm = copy
      info = describeModel(vlm, info!)
      return { ...result, info }
    } catch (error) {
      copy.dispose()
      throw error
    }
  }

  const open = (settings: AskSettings, earlier: Message[] = []): Conversation =>
    createConversation(loaded(), {
      ...(settings.capacityTokens !== undefined && { capacityTokens: settings.capacityTokens }),
      messages: [
        ...(settings.system ? [{ role: 'system' as const, content: [{ type: 'text' as const, text: settings.system }] }] : []),
        ...earlier,
      ],
    })

  return {
    hello: () => {},
    load: (call, request, onProgress) => during(call, onProgress, (signal, send) => load(request, send, signal)),
    ask: (call, pictures, question, settings, onText) =>
      during(call, onText, async (signal, send) => {
        const conversation = open(settings)
        try {
          return await say(loaded(), conversation, pictures, question, settings, send, signal)
        } finally {
          conversation.dispose()
        }
      }),
    openConversation: (settings, earlier) =>
      outcome(async () => {
        const messages = earlier.map(async ({ role, text, pictures = [] }) => ({
          role,
          content: await contentOf(pictures, text),
        }))
        conversations.set(++conversationCount, open(settings, await Promise.all(messages)))
        return conversationCount
      }),
    say: (call, number, pictures, text, settings, onText) =>
      during(call, onText, (signal, send) => {
        const conversation = conversations.get(number)
        if (!conversation) throw new StateError('this conversation is closed: open another')
        return say(loaded(), conversation, pictures, text, settings, send, signal)
      }),
    closeConversation: (number) =>
      outcome(async () => {
        const conversation = conversations.get(number)
        conversations.delete(number)
        if (isVerifying && conversation) closing.push(conversation)
        else conversation?.dispose()
      }),
    caption: (call, { sampling, ...settings }, onCaption) =>
      during(call, onCaption, async (signal, send) => {
        const queue = createFrameQueue()
        queues.set(call, queue)
        signal.addEventListener('abort', () => queue.end(), { once: true })
        const options = { ...settings, signal, ...(sampling && { sampler: createSampler(sampling) }) }
        try {
          const { model } = loaded()
          let imageTokens = 0
          let dropped = 0
          const counted = async function* () {
            for await (const frame of queue.frames()) {
              dropped = frame.dropped
              imageTokens ||= model.vision?.tokens(model.process(frame.image).grid) ?? 0
              yield frame
            }
          }
          for await (const caption of captionStream(loaded(), counted(), options)) send({ ...caption, dropped, imageTokens })
        } finally {
          queue.end()
          queues.delete(call)
        }
      }),
    pushFrame: (call, frame) => queues.get(call)?.push(frame),
    endFrames: (call) => queues.get(call)?.end(),
    train: (call, settings, onEvent) => during(call, onEvent, (signal, send) => train(settings, send, signal)),
    verify: (call, goldens, onEvent) => during(call, onEvent, (signal, send) => verify(goldens, send, signal)),
    files: (dtype) =>
      outcome(async () => {
        const folder = memoryFolder('model')
        await saveVlm(loaded(), folder, { dtype })
        const files = [...folder.files].map(([name, bytes]): ModelFile => ({ name, bytes: Uint8Array.from(bytes) }))
        return transfer(
          files,
          files.map(({ bytes }) => bytes.buffer),
        )
      }),
    memory: () => outcome(async () => memory()),
    abort: (call) => calls.get(call)?.abort(),
  }
}

async function outcome<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() }
  } catch (thrown) {
    return { fault: toErrorData(thrown) }
  }
}
