/** Ctrl-C: the first stops the command gracefully, the second ends the process at once. Exit codes follow the shell: 130 and 143. */
import { CasaError } from '@casa-js/base'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Why a command's signal was aborted. */
export class Interrupted extends CasaError {
  static override readonly code: string = 'interrupted'
  override name = 'Interrupted'
  constructor(readonly exitCode: number) {
    super('stopped')
  }
}

export interface Interrupt {
  readonly signal: AbortSignal
  /** Restores the default effect of Ctrl-C. */
  release(): void
}

/** @param onFirst called when the first signal comes. */
export function onInterrupt(onFirst?: () => void): Interrupt {
  const controller = new AbortController()
  const handle = (name: keyof typeof exitCodes) => {
    release()
    process.exitCode = exitCodes[name]
    onFirst?.()
    controller.abort(new Interrupted(exitCodes[name]))
  }
  const release = () => void process.off('SIGINT', handle).off('SIGTERM', handle)
  process.on('SIGINT', handle).on('SIGTERM', handle)
  return { signal: controller.signal, release }
}
