/**
 * One process per run folder: two that train into the same folder would delete each other's files.
 *
 * run.lock names the process that holds the folder, and has a unique token. A lock whose process is gone is taken over by the
 * one process that manages to create run.lock.after-<token>: a file that exists can be created by nobody, and a token never comes
 * again, so of any number of starters exactly one gets it. The holder of a folder is the end of that chain.
 */
import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CasaError, FileError } from '@casa-js/base'

const LOCK_FILE = 'run.lock'

/** Who holds a lock. For a file truncated by a crash, `token` is a hash of what is left. */
interface Holder {
  pid?: number
  host?: string
  token: string
}

/** Tokens of the locks held by this process. */
const held = new Set<string>()

/**
 * Locks a run's folder, creating it if needed. A lock whose process is gone, as after kill -9, is taken over.
 *
 * @returns a function that releases the lock
 * @throws CasaError while another process holds it; FileError when the folder cannot be written to.
 */
export async function lockRun(out: string): Promise<() => Promise<void>> {
  try {
    await mkdir(out, { recursive: true })
    return await takeLock(out)
  } catch (error) {
    if (CasaError.isInstance(error)) throw error
    throw new FileError(out, `the run's folder cannot be written to: ${(error as Error).message}`, { cause: error })
  }
}

async function takeLock(out: string): Promise<() => Promise<void>> {
  const path = join(out, LOCK_FILE)
  const own: Holder = { pid: process.pid, host: hostname(), token: randomUUID() }
  held.add(own.token)
  try {
    for (;;) {
      if (await createOnce(path, own)) return release
      const first = await readHolder(path)
      if (!first) continue
      const last = await endOfChain(out, first)
      if (isAlive(last))
        throw new CasaError(
          `${out} is being trained into by another process, ${JSON.stringify({ pid: last.pid, host: last.host })}: ` +
            `wait for it, or remove ${LOCK_FILE} if that is not so`,
        )
      const claim = join(out, claimName(last))
      if (!(await createOnce(claim, own))) continue
      // The holder may have released the folder in between; then the claim follows a lock that no longer exists.
      if ((await readHolder(path))?.token === first.token) {
        await replaceLock(path, own)
        await removeClaims(out)
        return release
      }
      await rm(claim, { force: true })
    }
  } catch (error) {
    held.delete(own.token)
    throw error
  }

  async function release(): Promise<void> {
    held.delete(own.token)
    // Someone may have removed the lock by hand, and another process taken the folder.
    if ((await readHolder(path))?.token === own.token) await rm(path, { force: true })
  }
}

function claimName({ token }: Holder): string {
  return `${LOCK_FILE}.after-${token}`
}

/** Follows the chain of takeovers. */
async function endOfChain(out: string, first: Holder): Promise<Holder> {
  for (let last = first; ;) {
    const next = await readHolder(join(out, claimName(last)))
    if (!next) return last
    last = next
  }
}

/**
 * Creates the file with its content atomically.
 *
 * @returns false if it exists, or if whoever took the folder meanwhile swept away what was being written
 */
async function createOnce(path: string, holder: Holder): Promise<boolean> {
  const content = JSON.stringify(holder)
  const temporary = `${path}.${holder.token}.tmp`
  try {
    await writeFile(temporary, content)
    await link(temporary, path)
    return true
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || (code === 'ENOENT' && syscall === 'link')) return false
    // Some file systems have no links; there the file may be seen before its content.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    return writeFile(path, content, { flag: 'wx' }).then(
      () => true,
      (failure: NodeJS.ErrnoException) => {
        if (failure.code === 'EEXIST') return false
        throw failure
      },
    )
  } finally {
    await rm(temporary, { force: true })
  }
}

async function replaceLock(path: string, own: Holder): Promise<void> {
  const temporary = `${path}.${own.token}.tmp`
  await writeFile(temporary, JSON.stringify(own))
  await rename(temporary, path)
}

/** Claims on earlier locks, and leftovers of processes killed while starting. */
async function removeClaims(out: string): Promise<void> {
  for (const name of await readdir(out)) {
    if (name.startsWith(`${LOCK_FILE}.after-`)) await rm(join(out, name), { force: true })
  }
}

/** undefined: there is no such file. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const token = createHash('sha256').update(text).digest('hex').slice(0, 32)
  try {
    const { pid, host, token: own } = Object(JSON.parse(text)) as Partial<Record<keyof Holder, unknown>>
    return {
      ...(typeof pid === 'number' && { pid }),
      ...(typeof host === 'string' && { host }),
      token: typeof own === 'string' && /^[\w-]{1,64}$/.test(own) ? own : token,
    }
  } catch {
    return { token }
  }
}

/** A lock of a running process on this host, or of another host, whose processes cannot be checked. */
function isAlive({ pid, host, token }: Holder): boolean {
  if (held.has(token)) return true
  if (pid === undefined) return false
  if (host !== undefined && host !== hostname()) return true
  // The lock has our own process id, so it was an earlier process: a restarted container reuses the same ids.
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
