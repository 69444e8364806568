/** Known answers recomputed on the model's device, as the page holds them. */
import { signal } from '@preact/signals'
import { worstCheck } from '@casa-js/verify'
import type { GoldenCheck, VlmClient } from '@casa-js/web'

/** What verifying is doing. The results belong to the device of one client. */
export type VerifyState =
  | { kind: 'idle' }
  | { kind: 'running'; client: VlmClient; doneCases: number; totalCases: number }
  | { kind: 'done'; client: VlmClient; elapsedMs: number }
  | { kind: 'failed'; client: VlmClient; error: Error }

export const verifyState = signal<VerifyState>({ kind: 'idle' })
export const checks = signal<GoldenCheck[]>([])

let running: AbortController | undefined

/** Recompute every golden that is served beside the page. Errors end up in `verifyState`. */
export async function verify(client: VlmClient): Promise<void> {
  const stop = (running = new AbortController())
  const started = performance.now()
  checks.value = []
  verifyState.value = { kind: 'running', client, doneCases: 0, totalCases: 0 }
  try {
    await client.verify({
      goldens: new URL('goldens/', document.baseURI).href,
      signal: stop.signal,
      onCheck(check, progress) {
        checks.value = [...checks.value, check]
        verifyState.value = { kind: 'running', client, ...progress }
      },
    })
    verifyState.value = { kind: 'done', client, elapsedMs: performance.now() - started }
  } catch (error) {
    if (!stop.signal.aborted) verifyState.value = { kind: 'failed', client, error: error as Error }
    else verifyState.value = { kind: 'idle' }
  }
}

/** End it at the next check. */
export function stopVerifying(): void {
  running?.abort()
}

/** Of each golden folder the check that is closest to its limit, and every one that is beyond it. */
export function mostTelling(all: readonly GoldenCheck[]): GoldenCheck[] {
  const cases = new Map<string, [GoldenCheck, ...GoldenCheck[]]>()
  for (const check of all) {
    const known = cases.get(check.case)
    if (known) known.push(check)
    else cases.set(check.case, [check])
  }
  const worst = new Set([...cases.values()].map((ofCase) => worstCheck(ofCase)))
  return all.filter((check) => !check.passed || worst.has(check))
}

/** A difference or a limit as the table and the report write it. */
export const formatError = (error: number): string =>
  Number.isNaN(error) ? 'does not compare' : error === 0 ? '0' : error.toExponential(1)

/** The results as lines of a report. */
export function verifyLines(all: readonly GoldenCheck[]): string[] {
  if (all.length === 0) return ['verify: not run']
  const passed = all.filter((check) => check.passed).length
  return [
    `verify: ${passed} of ${all.length} checks within their limits`,
    ...mostTelling(all).map(({ case: name, name: check, error, tolerance, passed: isPassed, note }) =>
      [
        `  ${isPassed ? 'ok  ' : 'FAIL'} ${name} ${check}: ${formatError(error)} of ${formatError(tolerance)}`,
        ...(note ? [note] : []),
      ].join(', '),
    ),
  ]
}
