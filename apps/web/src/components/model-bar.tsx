/** Which model is loaded and where it runs, or how far loading is. */
import type { LoadProgress } from '@casa-js/web'
import { formatBytes } from '../format.ts'
import { cancelLoading, modelState } from '../model.ts'

export function ModelBar() {
  const state = modelState.value
  return (
    <div class="model-bar" role="status">
      {state.kind === 'none' && <a href="#models">Choose a model</a>}
      {state.kind === 'loading' && (
        <>
          <span>{describe(state.title, state.progress)}</span>
          <progress aria-label={`Loading ${state.title}`} {...shareOf(state.progress)} />
          <button class="quiet" onClick={cancelLoading}>
            Stop
          </button>
        </>
      )}
      {state.kind === 'ready' && (
        <a href="#models" title={state.client.info.device.reason}>
          <b>{state.title}</b> on {state.client.info.device.device}
        </a>
      )}
      {state.kind === 'failed' && <a href="#models">{state.title} could not be loaded</a>}
    </div>
  )
}

function describe(title: string, progress: LoadProgress | undefined): string {
  if (!progress || progress.stage === 'device') return `Loading ${title} …`
  if (progress.stage === 'weights') return `${title}: weights ${progress.loadedTensors} of ${progress.totalTensors}`
  const { file, receivedBytes, totalBytes, bytesPerSecond } = progress
  const rate = bytesPerSecond > 0 ? `, ${formatBytes(bytesPerSecond)}/s` : ''
  return `${file}: ${formatBytes(receivedBytes)}${totalBytes ? ` of ${formatBytes(totalBytes)}` : ''}${rate}`
}

/** value and max of <progress>; none while nothing is known, which draws a moving bar. */
function shareOf(progress: LoadProgress | undefined): { value?: number; max?: number } {
  if (progress?.stage === 'weights') return { value: progress.loadedTensors, max: progress.totalTensors }
  if (progress?.stage === 'download' && progress.totalBytes) return { value: progress.receivedBytes, max: progress.totalBytes }
  return {}
}
