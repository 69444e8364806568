/**
 * Runs the operators' benches and prints a markdown table.
 *
 *   npx tsx --conditions=@casa-js/source packages/tensor/bench/ops.ts [--device wasm] [--only NAME] [--json FILE]
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { close, init, type DeviceName } from '@casa-js/tensor'
import { benchTable, runBench, type BenchRow, type OpBench } from '../src/testing/op-bench.ts'

const { values } = parseArgs({
  options: { device: { type: 'string', default: 'wasm' }, only: { type: 'string', default: '' }, json: { type: 'string' } },
})
const report = await init({ device: values.device as DeviceName })
const folder = new URL('../src/ops/', import.meta.url)
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.bench.ts'))
const rows: BenchRow[] = []
const load = loadavg()[0]
for (const file of files.toSorted()) {
  const { benches } = (await import(new URL(file, folder).href)) as { benches: OpBench[] }
  for (const bench of benches) if (bench.name.includes(values.only)) rows.push(...(await runBench(bench)))
}
console.log(`${report.device} (${report.adapter}; ${report.features.join(', ')}), Node ${process.versions.node}, load ${load.toFixed(1)}\n`)
console.log(benchTable(rows))
if (values.json) writeFileSync(values.json, JSON.stringify({ report, node: process.versions.node, load, rows }, undefined, 2) + '\n')
await close()
