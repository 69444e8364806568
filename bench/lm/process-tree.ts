/** Processor time and memory of a process and all its descendants, as a browser has them. Linux only. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const millisecondsPerTick = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** The process and its descendants that still run. */
function tree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const fields = statOf(Number(name))
    if (!fields) continue
    const parent = Number(fields[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [root]
  for (const process of found) found.push(...(children.get(process) ?? []))
  return found
}

/** What follows the name in /proc/PID/stat: state, parent, .. */
function statOf(process: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${process}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Milliseconds that the processor has spent on them so far. */
export function processorMsOf(root: number): number {
  const ticks = tree(root).map((process) => {
    const fields = statOf(process)
    return fields ? Number(fields[11]) + Number(fields[12]) : 0
  })
  return ticks.reduce((a, b) => a + b, 0) * millisecondsPerTick
}

/** The most memory that one of them had resident: of a browser, the process that runs the page. */
export function peakBytesOf(root: number): number {
  const peaks = tree(root).map((process) => {
    try {
      return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return Math.max(...peaks)
}
