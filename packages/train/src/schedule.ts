/** The learning rate over a run: linear warm-up, constant, linear decay (the paper's "constant rate with linear warm-up and final decay"). */
import { ConfigError } from '@casa-js/base'

export interface Schedule {
  /** Updates in the run. */
  steps: number
  /** Updates until the full rate; 0 or 1 starts with it. */
  warmup: number
  /** Updates over which the rate falls at the end; 0 keeps it. The last update still has 1 / cooldown of the rate. */
  cooldown: number
}

/** Share of the peak rate at an update counted from 0: min(1, (step + 1) / warmup, (steps - step) / cooldown). */
export function scheduleFactor({ steps, warmup, cooldown }: Schedule, step: number): number {
  return Math.min(1, warmup > 0 ? (step + 1) / warmup : 1, cooldown > 0 ? Math.max(0, steps - step) / cooldown : 1)
}

/**
 * Returns the schedule as it is.
 *
 * @param path name used in errors
 * @throws ConfigError naming the field that is not a count
 */
export function checkSchedule(schedule: Schedule, path = 'schedule'): Schedule {
  for (const field of ['steps', 'warmup', 'cooldown'] as const) {
    const value = schedule[field]
    if (!Number.isInteger(value) || value < (field === 'steps' ? 1 : 0)) {
      throw new ConfigError(
        `${path}.${field}`,
        `expected a whole number of steps, ${field === 'steps' ? '1' : '0'} or more, got ${value}`,
      )
    }
  }
  return schedule
}
