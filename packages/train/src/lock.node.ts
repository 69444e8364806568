/** One process a run folder: two that train into the same one would sweep away each other's files. */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CasaError } from '@casa-js/base'

const LOCK_FILE = 'run.lock'

/**
 * Take a run's folder. A lock whose process is gone, as after kill -9, is taken over.
 * @returns what gives it back.
 * @throws CasaError while another process holds it.
 */
export async function lockRun(out: string): Promise<() => Promise<void>> {
  await mkdir(out, { recursive: true })
  const path = join(out, LOCK_FILE)
  const own = JSON.stringify({ pid: process.pid, host: hostname() })
  for (;;) {
    const handle = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw new CasaError(`${path}: ${error.message}`)
    })
    if (handle) {
      await handle.writeFile(own)
      await handle.close()
      return () => rm(path, { force: true })
    }
    const holder = await readFile(path, 'utf8').catch(() => '')
    if (isAlive(holder))
      throw new CasaError(
        `${out} is being trained into by another process, ${holder}: wait for it, or remove ${LOCK_FILE} if that is not so`,
      )
    await rm(path, { force: true })
  }
}

/** A lock of this host whose process runs, or of another host, of which we cannot know. */
function isAlive(holder: string): boolean {
  let lock: { pid?: unknown; host?: unknown }
  try {
    lock = JSON.parse(holder)
  } catch {
    // Killed between making the file and writing it.
    return false
  }
  if (lock.host !== hostname()) return true
  // Our own number is that of a process before us: a container that starts anew counts from the same number.
  if (typeof lock.pid !== 'number' || lock.pid === process.pid) return false
  try {
    process.kill(lock.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
