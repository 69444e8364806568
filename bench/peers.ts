/**
 * The bench against named peers: every contestant runs every case, one process each, the contestants of a case one after
 * another, so that ratios within a case are fair even where the machine is busy. Writes docs/benchmarks/peers.json, peers.md and
 * peers.svg, in which what a restricted run leaves out stays as it was.
 *
 *   pnpm bench [--only casa,pytorch] [--cases forward,step] [--no-write]
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { CaseName, CaseResult } from './peers/peer.ts'
import { chart } from './chart.ts'
import { caseNames, contestants, writeDecoder, type Contestant } from './contestants.ts'
import { docs, resultOf } from './processes.ts'
import { spread, table, type Machine, type Row } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    cases: { type: 'string', default: caseNames.join() },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const folder = mkdtempSync(join(tmpdir(), 'casa-bench-'))
const all = contestants(folder)
const wanted = values.only.split(',').filter(Boolean)
const running = all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)))
const machine: Machine = { processor: cpus()[0]!.model, cores: cpus().length, node: process.versions.node }
const rows = new Map(earlierRows().map((row) => [keyOf(row), row]))
try {
  writeDecoder(folder)
  for (const name of values.cases.split(',') as CaseName[]) {
    for (const contestant of running) {
      if (contestant.cases && !contestant.cases.includes(name)) continue
      const row = await measure(contestant, name)
      rows.set(keyOf(row), row)
      save()
      const [processor, clock] = [row.processorMs, row.clockMs].map((times) => times?.best.toFixed(2))
      const found = row.skipped ? `skipped: ${row.skipped}` : `${processor} ms, by the clock ${clock}`
      console.error(`${name.padEnd(18)} ${contestant.name.padEnd(20)} ${found}`)
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
console.log(save())

/** Instead of thousands of times: the best, the median and the count. */
async function measure({ name: contestant, counts, command }: Contestant, name: CaseName): Promise<Row> {
  const about = { case: name, contestant, counts, load: loadavg()[0]!, date: new Date().toISOString().slice(0, 10) }
  const result = await resultOf<CaseResult>(command(name))
  if (typeof result === 'string') return { ...about, name: contestant, version: '', setting: '', runs: 0, skipped: result }
  const { times, processorTimes, ...rest } = result
  return { ...about, ...rest, runs: times.length, clockMs: spread(times), processorMs: spread(processorTimes) }
}

/** After every case of every contestant, so that a run that is cut short leaves what it measured. */
function save(): string {
  const results = all.flatMap(({ name }) => [...rows.values()].filter(({ contestant }) => contestant === name))
  const markdown = table(machine, results)
  if (values.write) {
    writeFileSync(join(docs, 'peers.json'), JSON.stringify({ machine, rows: results }, undefined, 2) + '\n')
    writeFileSync(join(docs, 'peers.md'), markdown)
    writeFileSync(join(docs, 'peers.svg'), chart(results))
  }
  return markdown
}

/** Results of an earlier run on the same machine that this run does not repeat. */
function earlierRows(): Row[] {
  const file = join(docs, 'peers.json')
  if (!existsSync(file)) return []
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as { machine: Machine; rows: Row[] }
  return earlier.machine.processor === machine.processor && earlier.machine.node === machine.node ? earlier.rows : []
}

function keyOf({ case: name, contestant }: Row): string {
  return `${name} ${contestant}`
}
