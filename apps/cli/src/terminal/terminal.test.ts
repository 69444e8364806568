/** Shared by all commands: a progress line that fits, numbers within their range, files that are not overwritten. */
import { Command } from 'commander'
import fc from 'fast-check'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { reportFailure } from '../failure.ts'
import { Interrupted, onInterrupt } from './interrupt.ts'
import { decimal, wholeNumber } from './numbers.ts'
import { claimFile, writeWhole } from './outputs.ts'
import { fit } from './progress.ts'

const folder = mkdtempSync(join(tmpdir(), 'casa-terminal-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the progress line', () => {
  const pieces = ['1 h 12 min left', 'loss 1.2346', '123 examples/s', '51234 tokens/s']

  it('of training fits 80 columns, with the time left in it', () => {
    const line = fit(80, 'step 12345/100000', 0.5, pieces)
    expect(line.length).toBeLessThan(80)
    expect(line).toContain('1 h 12 min left')
    expect(line).toContain('loss 1.2346')
    expect(line).toContain('█')
  })

  it('never is wider than the terminal, as long as its head and first piece fit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 250 }), fc.double({ min: -1, max: 2, noNaN: true }), (columns, share) => {
        const line = fit(columns, 'step 1/10', share, pieces)
        expect(line.length).toBeLessThan(columns)
        expect(line).toContain(pieces[0])
      }),
    )
  })
})

describe('numbers', () => {
  it('are taken within their range, and nothing else is', () => {
    const [seed, fps] = [wholeNumber(0, 10), decimal(0.001, 240)]
    expect([seed('7'), fps('29.97'), fps('1e-2')]).toEqual([7, 29.97, 0.01])
    for (const text of ['1.5', '11', '-1', '', ' ', 'x', '0x5', '1e20', 'NaN', 'Infinity'])
      expect(() => seed(text), text).toThrow('Expected')
    for (const text of ['1e12', '0', '', 'Infinity', '5 fps']) expect(() => fps(text), text).toThrow('from 0.001 to 240')
  })
})

describe('files that a command writes', () => {
  it('are new, empty or its own; --force takes the others', async () => {
    const [mine, report] = [join(folder, 'notes.txt'), join(folder, 'report.html')]
    writeFileSync(mine, 'not yours')
    writeFileSync(report, '<title>Evaluation of x')
    await claimFile(join(folder, 'new.srt'))
    await expect(claimFile(mine)).rejects.toThrow(/notes.txt: this file is there already.*--force/)
    await claimFile(mine, { force: true })
    await claimFile(report, { ours: /Evaluation of/ })
    await expect(claimFile(folder)).rejects.toThrow('this is a folder')
    await expect(claimFile(join(folder, 'none', 'a.srt'))).rejects.toThrow('there is no folder')
    await claimFile('/dev/null')
    expect(readFileSync(mine, 'utf8')).toBe('not yours')
  })

  it('appear whole, and nothing else does', async () => {
    await writeWhole(join(folder, 'whole.txt'), 'text')
    expect(readFileSync(join(folder, 'whole.txt'), 'utf8')).toBe('text')
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('how a command ends', () => {
  it('after Ctrl-C: with 130, and the signal says so', () => {
    const interrupt = onInterrupt()
    process.emit('SIGINT', 'SIGINT')
    expect(interrupt.signal.aborted).toBe(true)
    expect(interrupt.signal.reason).toBeInstanceOf(Interrupted)
    expect(process.exitCode).toBe(130)
    process.exitCode = undefined
  })

  it('after an error: advice names options that the command has, and system errors say what they mean', () => {
    const said: string[] = []
    const spy = vi.spyOn(console, 'error').mockImplementation((line) => void said.push(String(line)))
    const ask = new Command('ask').option('--max-pixels <n>')
    reportFailure(new Error('too large; raise maxPixels or capacityTokens'), ask)
    reportFailure(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: 'out/x' }))
    spy.mockRestore()
    expect(said.join('\n')).toContain('raise --max-pixels or capacityTokens')
    expect(said.join('\n')).toContain('out/x: the disk is full')
    expect(process.exitCode).toBe(1)
    process.exitCode = undefined
  })
})
