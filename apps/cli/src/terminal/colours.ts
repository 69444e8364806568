/** Colours for each stream by itself: one may be a terminal while the other is a file. */
import pc from 'picocolors'

function takesColours(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  return Boolean(FORCE_COLOR) || (stream.isTTY && TERM !== 'dumb')
}

/** For what goes to stdout: answers, tables. */
export const out = pc.createColors(takesColours(process.stdout))
/** For what goes to stderr: progress, notes, failures. */
export const err = pc.createColors(takesColours(process.stderr))
