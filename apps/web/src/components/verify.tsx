/** Does this device compute correctly? A button, a progress bar, and a table of checks. */
import { signal } from '@preact/signals'
import type { GoldenCheck, VlmClient } from '@casa-js/web'
import { formatMs } from '../format.ts'
import { checks, formatError, mostTelling, stopVerifying, verify, verifyState } from '../verify.ts'
import { ErrorNote } from './error-note.tsx'

const showsAll = signal(false)

export function Verify({ client }: { client: VlmClient }) {
  const state = verifyState.value
  // Results of another model's device say nothing here.
  const isOurs = state.kind !== 'idle' && state.client === client
  const all = isOurs ? checks.value : []
  return (
    <>
      <h2 id="verify">Does this device compute correctly?</h2>
      <p class="hint">
        Recomputes what PyTorch computed, outputs and gradients, with small models of its own: CASA in two variants, a Llama, and
        24 updates of a training. <code>casa verify</code> checks the same in a terminal. Fetches 1.1 MB. Resized pictures, token
        ids and weight formats are not checked here: they do not touch the device.
      </p>
      <div class="line">
        {isOurs && state.kind === 'running' ? (
          <button onClick={stopVerifying}>Stop</button>
        ) : (
          <button onClick={() => void verify(client)}>Verify {client.info.device.device}</button>
        )}
        {isOurs && state.kind === 'running' && (
          <progress aria-label="Verifying" {...(state.totalCases > 0 && { value: state.doneCases, max: state.totalCases })} />
        )}
        <p role="status" class="status">
          {isOurs && state.kind === 'running' && `${all.length} checks so far`}
          {isOurs && state.kind === 'done' && summary(all, state.elapsedMs)}
        </p>
      </div>
      {isOurs && state.kind === 'failed' && <ErrorNote error={state.error} />}
      {all.length > 0 && <Checks all={all} />}
    </>
  )
}

function summary(all: readonly GoldenCheck[], elapsedMs: number): string {
  const failed = all.filter(({ passed }) => !passed).length
  const time = formatMs(elapsedMs)
  return failed === 0
    ? `All ${all.length} checks are within their limits (${time}).`
    : `${failed} of ${all.length} checks are beyond their limits (${time}): take another device, and please report it.`
}

function Checks({ all }: { all: readonly GoldenCheck[] }) {
  const shown = showsAll.value ? all : mostTelling(all)
  return (
    <>
      <table class="checks" aria-labelledby="verify">
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Largest difference</th>
            <th scope="col">Limit</th>
            <th scope="col">Passed</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((check) => (
            <tr key={`${check.case} ${check.name}`}>
              <th scope="row">
                <span class="case">{check.case.replace(/^goldens\//, '')}</span> {check.name}
                {!check.passed && check.note && <span class="note">{check.note}</span>}
              </th>
              <td>{formatError(check.error)}</td>
              <td>{formatError(check.tolerance)}</td>
              <td class={check.passed ? 'right' : 'wrong'}>{check.passed ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button class="quiet" aria-pressed={showsAll.value} onClick={() => (showsAll.value = !showsAll.value)}>
        {showsAll.value ? 'Only the worst of each' : `All ${all.length} checks`}
      </button>
    </>
  )
}
