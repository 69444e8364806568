/**
 * A full disk: a small file system in memory (tmpfs), which only root can mount. Commands end with 1 and say what happened; what was
 * there before is still there and still whole, and no half-written file has its final name.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeModel } from '../describe-model.ts'
import { casa, fixture } from '../fixtures/casa.ts'
import { writeRun } from '../fixtures/run.ts'

const root = mkdtempSync(join(tmpdir(), 'casa-full-'))
const disk = join(root, 'disk')
mkdirSync(disk)

function mount(sizeKb: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKb}k`, 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const unmount = () => execFileSync('umount', [disk])

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mount(64)
if (canMount) unmount()
afterAll(() => rmSync(root, { recursive: true }))

/** Fills the disk except for so many bytes. */
function fill(leftBytes: number): void {
  const part = Buffer.alloc(4096)
  const free = () => Number(execFileSync('stat', ['-f', '-c', '%a', disk]).toString()) * 4096
  writeFileSync(join(disk, 'filler'), '')
  while (free() > leftBytes) writeFileSync(join(disk, 'filler'), part, { flag: 'a' })
}

describe.skipIf(!canMount)('on a full disk', { timeout: 120_000 }, () => {
  beforeEach(() => void mount(700))
  afterEach(unmount)
  beforeAll(() => writeRun(join(root, 'run'), { steps: 10 }), 60_000)

  it.each([
    ['convert', [fixture.language, join(disk, 'out')]],
    ['adapt', [fixture.vision, '--out', join(disk, 'out')]],
  ])('casa %s leaves nothing, and says why', async (command, args) => {
    fill(60_000)
    const { code, said } = await casa([command, ...args], { cwd: root })
    expect(code, said).toBe(1)
    expect(said).toMatch(/disk is full|no space left/i)
    expect(readdirSync(disk)).toEqual(['filler'])
  })

  it('casa adapt --force over a model leaves that model whole', async () => {
    const args = ['adapt', fixture.vision, '--out', join(disk, 'out')]
    expect(await casa(args, { cwd: root })).toMatchObject({ code: 0 })
    const { facts } = await describeModel(join(disk, 'out'))
    fill(60_000)
    expect(await casa([...args, '--force', '--keys', 'image'], { cwd: root })).toMatchObject({ code: 1 })
    expect((await describeModel(join(disk, 'out'))).facts).toEqual(facts)
    expect(readdirSync(disk).sort()).toEqual(['filler', 'out'])
  })

  it('casa train ends, and --resume goes on when there is room again', async () => {
    const out = join(disk, 'out')
    fill(150_000)
    const first = await casa(['train', 'run.json', '--out', out], { cwd: join(root, 'run') })
    expect(first.code, first.said).toBe(1)
    expect(first.said).toMatch(/disk is full|no space left/i)
    rmSync(join(disk, 'filler'))
    const again = await casa(['train', 'run.json', '--out', out, '--resume'], { cwd: join(root, 'run') })
    expect(again.code, again.said).toBe(0)
    expect((await describeModel(join(out, 'model'))).facts.total).toBeGreaterThan(0)
  })

  it('casa eval leaves the report that was there', async () => {
    const cwd = join(root, 'run')
    if (!existsSync(join(cwd, 'out')))
      expect(await casa(['train', 'run.json', '--out', 'out'], { cwd })).toMatchObject({ code: 0 })
    const report = join(disk, 'report.html')
    const args = ['eval', 'out/model', '--data', 'rows.jsonl', '--report', report, '--max-tokens', '2', '--device', 'cpu']
    expect(await casa(args, { cwd })).toMatchObject({ code: 0 })
    const before = readFileSync(report, 'utf8')
    fill(0)
    const { code, said } = await casa(args, { cwd })
    expect(code, said).toBe(1)
    expect(said).toMatch(/disk is full|no space left/i)
    expect(readFileSync(report, 'utf8')).toBe(before)
    expect(readdirSync(disk).sort()).toEqual(['filler', 'report.html'])
  })
})
