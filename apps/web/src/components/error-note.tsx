/** An error in words, with the way out where the page knows one. */
import { hasEnded } from '../ended.ts'
import { modelState, restartModel } from '../model.ts'

export function ErrorNote({ error, children }: { error: Error; children?: preact.ComponentChildren }) {
  const hint = hintFor(error)
  return (
    <div class="error" role="alert">
      <p>{error.message}</p>
      {hint && <p class="hint">{hint}</p>}
      {hasEnded(error) && modelState.value.kind === 'ready' && (
        <button class="quiet" onClick={() => void restartModel()}>
          Start the model again
        </button>
      )}
      {children}
    </div>
  )
}

function hintFor(error: Error): string {
  const { name, message } = error
  if (name === 'OutOfMemoryError') return 'Take a smaller picture, or a smaller or more compressed model.'
  if (hasEnded(error)) return 'Started again, the model knows what it was taught before, and the conversation goes on.'
  if (name === 'DeviceUnavailableError') return 'Choose another device under Models.'
  if (/Failed to fetch|NetworkError/.test(message)) return 'Check the connection; a download goes on from where it stopped.'
  if (name === 'NotAllowedError') return 'The browser did not allow it: check the permission in the address bar.'
  if (name === 'NotFoundError') return 'No such camera was found.'
  return ''
}
