/** How the command ends when something went wrong: one clear line, the stack only when asked for. */
import pc from 'picocolors'

export function reportFailure(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  console.error(`${pc.red('casa:')} ${message}`)
  if (process.env.CASA_DEBUG && error instanceof Error) console.error(error.stack)
  else console.error(pc.dim('(CASA_DEBUG=1 shows where)'))
  process.exitCode = 1
}
