/**
 * Limits how many jobs run at once; the others wait.
 *
 * @returns a function that runs a job when its turn comes, and returns the job's result
 */
export function createGate(atOnce: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (job) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await job()
    } finally {
      // Pass the slot to the next waiting job, or free it.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
