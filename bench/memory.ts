/**
 * Peak memory of attention in casa-js and plain tfjs, at 512, 2,048 and 8,192 tokens: one process per contestant and size.
 * Writes docs/benchmarks/memory.json and memory.md.
 *
 *   npx tsx bench/memory.ts [--no-write]
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MemoryResult } from './attention-memory.node.ts'
import { docs, node, resultOf } from './processes.ts'
import { memoryTable, type MemoryRow } from './memory-table.ts'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: true } }, allowNegative: true })
const rows: MemoryRow[] = []
for (const way of ['forward', 'gradients'] as const) {
  for (const tokens of [512, 2048, 8192]) {
    for (const contestant of ['casa', 'tfjs'] as const) {
      const command = node('bench/attention-memory.node.ts', [contestant, String(tokens), way])
      const result = await resultOf<MemoryResult>(command)
      rows.push({ way, tokens, contestant, ...(typeof result === 'string' ? { skipped: result } : result) })
      console.error(`${way.padEnd(10)} ${tokens} ${contestant} ${JSON.stringify(result)}`)
    }
  }
}
const table = memoryTable(rows)
console.log(table)
if (values.write) {
  writeFileSync(join(docs, 'memory.json'), JSON.stringify({ node: process.versions.node, rows }, undefined, 2) + '\n')
  writeFileSync(join(docs, 'memory.md'), table)
}
