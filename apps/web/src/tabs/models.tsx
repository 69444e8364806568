/** Models: choose one, see what it is and where it runs, verify its device, and copy a report for an issue. */
import { signal } from '@preact/signals'
import {
  listModels,
  persistModels,
  removeModel,
  storageUse,
  type ModelInfo,
  type StorageUse,
  type StoredModel,
  type VlmClient,
} from '@casa-js/web'
import { useEffect } from 'preact/hooks'
import { ErrorNote } from '../components/error-note.tsx'
import { OwnModel } from '../components/own-model.tsx'
import { Verify } from '../components/verify.tsx'
import { formatBytes, formatCount, formatMs } from '../format.ts'
import { device, loadModel, modelState, offered, type DeviceChoice } from '../model.ts'
import { checks, verifyLines, verifyState } from '../verify.ts'

declare const __VERSION__: string

const copied = signal(false)
/** Shown where the clipboard cannot be written. */
const shownReport = signal('')
const kept = signal<StoredModel[]>([])
const room = signal<StorageUse | undefined>(undefined)
const keptError = signal<Error | undefined>(undefined)

export function ModelsTab() {
  const state = modelState.value
  return (
    <div class="models">
      <h1>Models</h1>
      <fieldset class="devices">
        <legend>Device</legend>
        {(['auto', 'webgpu', 'wasm', 'cpu'] as DeviceChoice[]).map((name) => (
          <label key={name}>
            <input type="radio" name="device" checked={device.value === name} onChange={() => (device.value = name)} /> {name}
          </label>
        ))}
        <p class="hint">Takes effect with the next model. auto: WebGPU where there is a GPU, else WebAssembly.</p>
      </fieldset>
      <h2>Shipped</h2>
      <ul class="cards">
        {offered.map(({ id, title, about, source }) => (
          <li key={id}>
            <h3>{title}</h3>
            <p>{about}</p>
            <button onClick={() => void loadModel(title, source)}>Load</button>
          </li>
        ))}
      </ul>
      <h2>Your own</h2>
      <OwnModel />
      {state.kind === 'failed' && <ErrorNote error={state.error} />}
      <Kept />
      {state.kind === 'ready' && <Details title={state.title} client={state.client} />}
    </div>
  )
}

/** The models that the browser keeps, and how much room there is. */
function Kept() {
  useEffect(() => modelState.subscribe(({ kind }) => kind !== 'loading' && void lookUp()), [])
  const use = room.value
  if (!use || kept.value.length === 0) return null
  const attempt = (run: () => Promise<unknown>) => {
    keptError.value = undefined
    void run()
      .then(lookUp)
      .catch((error: unknown) => (keptError.value = error as Error))
  }
  return (
    <>
      <h2>Kept in this browser</h2>
      <ul class="kept">
        {kept.value.map(({ model, bytes }) => (
          <li key={model}>
            <span>{model}</span>
            <span>{formatBytes(bytes)}</span>
            <button class="quiet" aria-label={`Remove ${model}`} onClick={() => attempt(() => removeModel(model))}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      {keptError.value && <ErrorNote error={keptError.value} />}
      <p class="hint">
        {formatBytes(use.usedBytes)} of {formatBytes(use.quotaBytes)} used.{' '}
        {use.isPersistent ? (
          'The browser keeps them when the disk fills up.'
        ) : (
          <>
            The browser may drop them when the disk fills up.
            <button class="link" onClick={() => attempt(persistModels)}>
              Keep them
            </button>
          </>
        )}
      </p>
    </>
  )
}

async function lookUp(): Promise<void> {
  kept.value = await listModels()
  room.value = await storageUse()
}

const rowsOf = (info: ModelInfo): [string, string][] => [
  ['Language model', info.languageModel],
  ['Vision encoder', info.visionEncoder ?? 'none'],
  ['Fusion', info.fusion],
  ['Parameters', formatCount(info.parameters)],
  ['Weights on the device', formatBytes(info.weightBytes)],
  ['Vocabulary', String(info.vocabulary)],
  ['Loaded in', formatMs(info.loadMs)],
  ['Device', `${info.device.device}: ${info.device.adapter}`],
  ['Why this device', info.device.reason],
  ['Threads', String(info.device.threads)],
  ['Features', info.device.features.join(', ') || 'none'],
]

/** What an issue needs to be understood. */
function reportOf(client: VlmClient): string {
  const { info } = client
  const isVerified = verifyState.value.kind !== 'idle' && verifyState.value.client === client
  return [
    `casa-js: ${__VERSION__}`,
    `browser: ${navigator.userAgent}`,
    `processor: ${navigator.hardwareConcurrency} threads; page isolated: ${crossOriginIsolated ? 'yes' : 'no'}`,
    `model: ${info.name}`,
    ...rowsOf(info).map(([name, value]) => `${name}: ${value}`),
    ...verifyLines(isVerified ? checks.value : []),
  ].join('\n')
}

function Details({ title, client }: { title: string; client: VlmClient }) {
  const copy = async () => {
    const report = reportOf(client)
    try {
      await navigator.clipboard.writeText(report)
      shownReport.value = ''
      copied.value = true
      setTimeout(() => (copied.value = false), 2000)
    } catch {
      shownReport.value = report
    }
  }
  return (
    <>
      <h2>{title}</h2>
      <table>
        <tbody>
          {rowsOf(client.info).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Verify client={client} />
      <h2>Something is wrong?</h2>
      <p class="hint">A report for an issue: browser, device, versions, the model, and the checks of its device.</p>
      <button class="quiet" onClick={() => void copy()}>
        {copied.value ? 'Copied' : 'Copy a report'}
      </button>
      {shownReport.value && (
        <label class="report">
          The browser did not let the page copy it:
          <textarea readOnly rows={8} value={shownReport.value} />
        </label>
      )}
    </>
  )
}
