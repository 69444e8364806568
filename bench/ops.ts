/**
 * Runs the operators' benches and prints a markdown table; with --write also into docs/benchmarks/operators.json and operators.md.
 *
 *   npx tsx --conditions=@casa-js/source bench/ops.ts [--device wasm] [--only NAME] [--write]
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { close, init, type DeviceName } from '@casa-js/tensor'
import { benchTable, runBench, type BenchRow, type OpBench } from '../packages/tensor/src/testing/op-bench.ts'

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'wasm' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
})
const report = await init({ device: values.device as DeviceName })
const folder = new URL('../packages/tensor/src/ops/', import.meta.url)
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.bench.ts'))
const rows: BenchRow[] = []
const load = loadavg()[0]!
for (const file of files.toSorted()) {
  const { benches } = (await import(new URL(file, folder).href)) as { benches: OpBench[] }
  for (const bench of benches) if (bench.name.includes(values.only)) rows.push(...(await runBench(bench)))
}
const setting = `${report.device} (${[report.adapter, ...report.features].join(', ')}), Node ${process.versions.node}, load ${load.toFixed(1)}`
const table = `${setting}\n\n${benchTable(rows)}\n`
console.log(table)
const head = `# Operators beside plain tfjs

Written by \`pnpm bench\`. Contestants of an operator run in one process, in turns; times are medians, on one thread of processor time.
GB/s and GFLOP/s are of what the result needs at the least: what a way reads or computes twice is not counted twice.

`
if (values.write) {
  const target = new URL('../docs/benchmarks/', import.meta.url)
  const { device, adapter, features } = report
  const result = { device, adapter, features, node: process.versions.node, load, rows }
  writeFileSync(new URL('operators.json', target), JSON.stringify(result, undefined, 2) + '\n')
  writeFileSync(new URL('operators.md', target), `${head}${table}`)
}
await close()
