/** Peak memory of attention, as a page of markdown. */
import type { MemoryResult } from './attention-memory.node.ts'

export interface MemoryRow {
  heapBytes?: MemoryResult['heapBytes'] | undefined
  processBytes?: MemoryResult['processBytes'] | undefined
  way: 'forward' | 'gradients'
  tokens: number
  contestant: 'casa' | 'tfjs'
  skipped?: string
}

const head = `# Memory of attention

Written by \`pnpm bench\`. Self-attention of one sample, 4 heads of 64, every token to as many keys, on wasm: what it takes at
its peak beyond q, k and v, which are 3 KiB a token. "Heap" is what was allocated in the wasm heap at once: result,
intermediates, gradients and scratch; it is the same in every run. "Process" is the growth of the process's largest resident
memory, which also sees what tfjs's C++ takes for itself, but not what fits where memory was freed before.

| what | tokens | who | heap MiB | KiB a token | times ours | process MiB |
| --- | ---: | --- | ---: | ---: | ---: | ---: |`

const titles = { forward: 'forward', gradients: 'forward and gradients' }

export function memoryTable(rows: MemoryRow[]): string {
  const lines = rows.map(({ way, tokens, contestant, heapBytes, processBytes = 0, skipped }) => {
    const about = `| ${titles[way]} | ${tokens.toLocaleString('en')} | ${contestant === 'casa' ? 'casa-js' : contestant} |`
    if (heapBytes === undefined) return `${about} ${skipped} | | | |`
    const ours = rows.find((row) => row.contestant === 'casa' && row.way === way && row.tokens === tokens)?.heapBytes
    const perToken = (heapBytes / 1024 / tokens).toFixed(1)
    const cells = [mebibytes(heapBytes), perToken, ours ? (heapBytes / ours).toFixed(1) : '', mebibytes(processBytes)]
    return `${about} ${cells.join(' | ')} |`
  })
  return [head, ...lines, ''].join('\n')
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
