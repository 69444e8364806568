/** What loading a model says on stderr: files that are fetched again, and matrices that were rounded. */
import type { LoadVlmOptions } from '@casa-js/vlm'
import { err } from './terminal/colours.ts'

type Notices = { [K in 'onRetry' | 'onRounded']: NonNullable<LoadVlmOptions[K]> }

/** Options for loadVlm, and `summary` to print after it. */
export function loadNotices(print: (line: string) => void = console.error): Notices & { summary(): void } {
  const errors = new Map<string, number[]>()
  return {
    onRetry({ file, reason, attempts }) {
      print(err.dim(`${file}: ${reason}; trying again (attempt ${attempts + 1})`))
    },
    onRounded({ from, relativeError }) {
      errors.set(from, [...(errors.get(from) ?? []), relativeError])
    },
    summary() {
      for (const [from, each] of errors) {
        const largest = (100 * Math.max(...each)).toFixed(2)
        const matrices = each.length === 1 ? '1 matrix' : `${each.length} matrices`
        print(
          err.dim(`${matrices} of ${from} rounded to 8 bits, for which there are kernels here (RMS error at most ${largest} %)`),
        )
      }
    },
  }
}
