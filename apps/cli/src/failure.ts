/** How the command reports an error: one clear line; the stack only on request. */
import type { Command } from 'commander'
import { Interrupted } from './terminal/interrupt.ts'
import { err } from './terminal/colours.ts'

/** Library option names and their command-line names. */
const flagNames: Record<string, string> = {
  maxPixels: '--max-pixels',
  capacityTokens: '--capacity',
  maxNewTokens: '--max-tokens',
  allowOutside: '--allow-outside',
}

/** What the system's error codes mean, for a path. */
const systemErrors: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'this is a folder; expected a file',
  ENOTDIR: 'a file stands where a folder is expected',
  EACCES: 'it may not be read or written: its permissions forbid it',
  EPERM: 'it may not be read or written: its permissions forbid it',
  EROFS: 'it lies on a file system that is mounted for reading only',
  ENOSPC: 'the disk is full; what was there before is still there',
  EMFILE: 'too many files are open at once; raise the limit (ulimit -n)',
}

/** @param command what was running, so that advice names options that it has. */
export function reportFailure(error: unknown, command?: Command): void {
  if (error instanceof Interrupted) {
    process.exitCode = error.exitCode
    return
  }
  console.error(`${err.red('casa:')} ${withFlags(messageOf(error), command)}`)
  if (process.env.CASA_DEBUG && error instanceof Error) console.error(error.stack)
  else console.error(err.dim('(CASA_DEBUG=1 shows where)'))
  process.exitCode = 1
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  const meaning = code === undefined ? undefined : systemErrors[code]
  return meaning ? `${path ?? error.message}: ${meaning}` : error.message
}

/** "raise maxPixels" -> "raise --max-pixels", where the command has that option. */
function withFlags(message: string, command: Command | undefined): string {
  const flags = new Set(command?.options.map(({ long }) => long))
  return message.replaceAll(/\b[a-z]+[A-Z]\w*\b/g, (name) => {
    const flag = flagNames[name]
    return flag && flags.has(flag) ? flag : name
  })
}
