/** The one model of the page: what is loaded, how far loading is, what went wrong. */
import { signal } from '@preact/signals'
import { createVlmClient, type LoadProgress, type ModelSource, type VlmClient } from '@casa-js/web'

declare const __MODELS__: string[]

/** A model that the page offers by itself. */
export interface OfferedModel {
  id: string
  title: string
  about: string
  source: string
}

const known: Record<string, Omit<OfferedModel, 'id' | 'source'>> = {
  reader: { title: 'Reader', about: 'Reads words and short lines, names emoji. 4.1 M parameters, 8.3 MB.' },
  live: {
    title: 'Live',
    about: 'Captions drawn scenes as they change. In training: it sees when something happens, less well what.',
  },
}

/** Models that are served beside the page. */
export const offered: OfferedModel[] = __MODELS__.map((id) => ({
  id,
  title: known[id]?.title ?? id,
  about: known[id]?.about ?? '',
  source: new URL(`models/${id}/`, document.baseURI).href,
}))

/** Where the device may be chosen. */
export type DeviceChoice = 'auto' | 'webgpu' | 'wasm' | 'cpu'

/** What the page's model is doing. */
export type ModelState =
  | { kind: 'none' }
  | { kind: 'loading'; title: string; progress?: LoadProgress | undefined }
  | { kind: 'ready'; title: string; client: VlmClient }
  | { kind: 'failed'; title: string; error: Error }

export const modelState = signal<ModelState>({ kind: 'none' })
export const device = signal<DeviceChoice>('auto')

let loading: AbortController | undefined
/** Whose progress is shown: of the last load, or a restart of its client. */
let shown: AbortController | undefined

/**
 * Replace the page's model. Errors end up in `modelState`, never here.
 * @param base of an adapter
 */
export async function loadModel(title: string, source: ModelSource, base?: ModelSource): Promise<void> {
  const before = modelState.value
  const stop = (shown = beginLoading(title))
  if (before.kind === 'ready') await before.client.dispose().catch(() => {})
  await finishLoading(title, stop, () =>
    createVlmClient({
      model: source,
      base,
      device: device.value,
      software: device.value === 'webgpu',
      signal: stop.signal,
      onProgress: (progress) => {
        if (shown === stop && modelState.value.kind === 'loading') modelState.value = { ...modelState.value, progress }
      },
    }),
  )
}

/** After a crash or a lost device: the same client with a new worker. Errors end up in `modelState`. */
export async function restartModel(): Promise<void> {
  const state = modelState.value
  if (state.kind !== 'ready') return
  const { title, client } = state
  await finishLoading(title, beginLoading(title), async () => {
    await client.restart()
    return client
  })
}

function beginLoading(title: string): AbortController {
  loading?.abort()
  modelState.value = { kind: 'loading', title }
  return (loading = new AbortController())
}

async function finishLoading(title: string, stop: AbortController, load: () => Promise<VlmClient>): Promise<void> {
  try {
    const client = await load()
    if (stop.signal.aborted) await client.dispose()
    else modelState.value = { kind: 'ready', title, client }
  } catch (error) {
    if (!stop.signal.aborted) modelState.value = { kind: 'failed', title, error: error as Error }
  }
}

/** Stop loading; what was downloaded is kept and continued the next time. */
export function cancelLoading(): void {
  loading?.abort()
  modelState.value = { kind: 'none' }
}
