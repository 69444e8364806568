/** Runs cells in separate processes: a crash affects one cell only, and several can run at once. */
import { spawn } from 'node:child_process'
import { CasaError } from '@casa-js/base'
import type { RunEvent } from '@casa-js/train'
import type { CellResult } from './results.ts'

/** child -> parent */
export type CellMessage =
  | { kind: 'event'; event: RunEvent }
  | { kind: 'warning'; message: string }
  | { kind: 'result'; result: CellResult }
  | { kind: 'error'; message: string }

export interface CellProcessOptions {
  /** How a process is started that runs one cell and reports it with `serveCell`: program and arguments. */
  command: string
  args: readonly string[]
  signal: AbortSignal
  onEvent?(event: RunEvent): void
  onWarning?(message: string): void
}

/**
 * Runs a cell in a process. An abort asks it to end with a checkpoint.
 *
 * @throws CasaError with the cell's own message, or when the process ends without a result
 */
export function runInProcess(options: CellProcessOptions): Promise<CellResult> {
  const { command, args, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const stop = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', stop)
    child.on('message', (message: CellMessage) => {
      if (message.kind === 'event') options.onEvent?.(message.event)
      else if (message.kind === 'warning') options.onWarning?.(message.message)
      else if (message.kind === 'result') resolve(message.result)
      else reject(new CasaError(message.message))
    })
    child.on('error', (error) => reject(new CasaError(`a cell could not be started: ${error.message}`, { cause: error })))
    child.on('exit', (code, name) => {
      signal.removeEventListener('abort', stop)
      reject(new CasaError(`the cell's process ended without a result (${name ?? `code ${code}`})`))
    })
  })
}

/**
 * The child's side: runs a cell and reports it to the parent. Ends on a stop request, and when the parent is gone.
 *
 * @param run gets the signal that requests a stop
 */
export async function serveCell(
  run: (report: (message: CellMessage) => void, signal: AbortSignal) => Promise<CellResult>,
): Promise<void> {
  const stop = new AbortController()
  const onStop = (): void => stop.abort()
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('disconnect', onStop)
  // A killed parent receives no messages.
  const report = (message: CellMessage): void => void (process.connected && process.send?.(message))
  try {
    report({ kind: 'result', result: await run(report, stop.signal) })
  } catch (error) {
    report({ kind: 'error', message: error instanceof Error ? error.message : String(error) })
    process.exitCode = 1
  } finally {
    process.off('SIGTERM', onStop).off('SIGINT', onStop).off('disconnect', onStop)
    if (process.connected) process.disconnect()
  }
}
