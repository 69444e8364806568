/** An error in words, with the way out where the page knows one. */
export function ErrorNote({ error, children }: { error: Error; children?: preact.ComponentChildren }) {
  return (
    <div class="error" role="alert">
      <p>{error.message}</p>
      {hintFor(error) && <p class="hint">{hintFor(error)}</p>}
      {children}
    </div>
  )
}

function hintFor({ name, message }: Error): string {
  if (name === 'OutOfMemoryError') return 'Take a smaller picture, or a smaller or more compressed model.'
  if (name === 'DeviceLostError' || name === 'WorkerCrashedError') return 'Load the model again; nothing of yours was lost.'
  if (name === 'DeviceUnavailableError') return 'Choose another device under Models.'
  if (/Failed to fetch|NetworkError/.test(message)) return 'Check the connection; a download goes on from where it stopped.'
  if (name === 'NotAllowedError') return 'The browser did not allow it: check the permission in the address bar.'
  if (name === 'NotFoundError') return 'No such camera was found.'
  return ''
}
