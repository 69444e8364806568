/** Models: choose one, see what it is and where it runs, and copy a report for an issue. */
import { signal } from '@preact/signals'
import type { ModelInfo } from '@casa-js/web'
import { ErrorNote } from '../components/error-note.tsx'
import { formatBytes, formatCount, formatMs } from '../format.ts'
import { device, loadModel, modelState, offered, type DeviceChoice } from '../model.ts'

const address = signal('')
const copied = signal(false)

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
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault()
          if (address.value.trim()) void loadModel(address.value.trim(), address.value.trim())
        }}
      >
        <label for="address" class="visually-hidden">
          Address of a model folder
        </label>
        <input
          id="address"
          placeholder="https://… or hub:organisation/name@revision"
          value={address.value}
          onInput={(event) => (address.value = event.currentTarget.value)}
        />
        <button type="submit" disabled={address.value.trim() === ''}>
          Load
        </button>
        <label class="button quiet">
          Folder on this machine
          <input
            type="file"
            class="visually-hidden"
            {...{ webkitdirectory: true }}
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])]
              event.currentTarget.value = ''
              if (files.length > 0) void loadModel(files[0]!.webkitRelativePath.split('/')[0] || 'folder', files)
            }}
          />
        </label>
      </form>
      {state.kind === 'failed' && <ErrorNote error={state.error} />}
      {state.kind === 'ready' && <Details title={state.title} info={state.client.info} />}
    </div>
  )
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
  ['Features', info.device.features.join(', ') || 'none'],
]

function Details({ title, info }: { title: string; info: ModelInfo }) {
  const copy = async () => {
    const lines = [
      `model: ${info.name}`,
      ...rowsOf(info).map(([name, value]) => `${name}: ${value}`),
      `browser: ${navigator.userAgent}`,
    ]
    await navigator.clipboard.writeText(lines.join('\n'))
    copied.value = true
    setTimeout(() => (copied.value = false), 2000)
  }
  return (
    <>
      <h2>{title}</h2>
      <table>
        <tbody>
          {rowsOf(info).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button class="quiet" onClick={() => void copy()}>
        {copied.value ? 'Copied' : 'Copy a report'}
      </button>
    </>
  )
}
