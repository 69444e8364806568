import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { aboutMachine, barsOf, caseTitles, machineName, type PeersFile } from '../src/benchmarks.ts'
import { root } from './snippets.ts'

const folder = join(root, 'docs/benchmarks')
const machines = (await readdir(join(folder, 'machines'))).filter((name) => name.endsWith('.json'))
const files = ['peers.json', ...machines.map((name) => `machines/${name}`)]

describe('results of a machine', () => {
  it.each(files)('%s can be drawn', async (name) => {
    const file = JSON.parse(await readFile(join(folder, name), 'utf8')) as PeersFile
    expect(file.machine).toMatchObject({ processor: expect.any(String), cores: expect.any(Number), node: expect.any(String) })
    expect(machineName(file)).toMatch(/^.+, \d+ cores \(\d{4}-\d\d-\d\d\)$/)
    const known = caseTitles.map(([each]) => each)
    for (const row of file.rows) expect(known).toContain(row.case)
    const charts = known.flatMap((each) => barsOf(file, each))
    expect(charts.length).toBeGreaterThan(0)
    for (const { bars } of charts) {
      expect(bars.at(-1)!.percent).toBe(100)
      for (const { percent, label } of bars) {
        expect(percent).toBeGreaterThan(0)
        expect(label).toMatch(/^[\d.,]+ ms$/)
      }
    }
  })

  it('cuts off a bar that would make the others too small', () => {
    const rows = [1, 2, 90].map((best) => ({
      ...{ case: 'step', version: '1', setting: '', date: '2026-01-01', counts: 'processor' as const, load: best },
      ...{ name: String(best), processorMs: { best } },
    }))
    const file = { machine: { processor: 'p', cores: 1, node: '20' }, rows }
    expect(barsOf(file, 'step')[0]!.bars.map(({ percent, isCut }) => [percent, isCut])).toEqual([
      [12.5, false],
      [25, false],
      [100, true],
    ])
    expect(aboutMachine(file)).toBe('p, 1 cores, Node 20, load average 1.0 to 90.0 while it ran. Shorter is better.')
  })

  it('leaves out what was skipped and software adapters, and separates one thread from several', () => {
    const row = { case: 'step', version: '1', setting: '', date: '2026-01-01' }
    const rows: PeersFile['rows'] = [
      { ...row, name: 'slow', counts: 'processor', processorMs: { best: 20 }, clockMs: { best: 1 } },
      { ...row, name: 'casa-js', counts: 'processor', processorMs: { best: 5 } },
      { ...row, name: 'threads', counts: 'clock', processorMs: { best: 1 }, clockMs: { best: 3 } },
      { ...row, name: 'drawn', counts: 'clock', software: true, clockMs: { best: 900 } },
      { ...row, name: 'none', counts: 'processor', skipped: 'takes no gradients' },
    ]
    const [one, several] = barsOf({ machine: { processor: 'p', cores: 1, node: '20' }, rows }, 'step')
    expect(one!.bars.map(({ name, percent, isOurs }) => [name, percent, isOurs])).toEqual([
      ['casa-js 1', 25, true],
      ['slow 1', 100, false],
    ])
    expect(several!.bars.map(({ name, label }) => [name, label])).toEqual([['threads 1', '3.00 ms']])
  })
})
