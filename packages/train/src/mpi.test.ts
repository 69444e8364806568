/**
 * Runs of several processes that MPI connects: they follow one process, survive kill -9, and end together.
 *
 * Skipped where no `mpirun` is installed (apt-get install openmpi-bin libopenmpi3, or mpich). By default with the first launcher that is found and
 * the most telling cases; all of them, with every launcher: CASA_MPI_TESTS=all npx vitest run packages/train/src/mpi.test.ts
 */
import { execFileSync, spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunEvent } from './events.ts'
import { toyRun, type ToyRun } from './fixtures/toy-run.ts'
import { findCheckpoint, train } from './node.ts'

const child = fileURLToPath(new URL('./fixtures/mpi-child.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const everything = process.env.CASA_MPI_TESTS === 'all'

interface Launcher {
  command: string
  flags: string[]
}

/** Launchers that start two processes here. */
function findLaunchers(): Launcher[] {
  // The launchers kill all processes soon after one has ended. Here they wait, so that a busy machine does not decide what is printed.
  const patient = ['--mca', 'odls_base_sigkill_timeout', '3']
  const openMpi = { flags: ['--oversubscribe', ...patient, ...(process.getuid?.() === 0 ? ['--allow-run-as-root'] : [])] }
  const mpich = { flags: ['-disable-auto-cleanup'] }
  const candidates = [
    { command: 'mpirun.openmpi', ...openMpi },
    { command: 'mpirun.mpich', ...mpich },
    { command: 'mpirun', ...openMpi },
    { command: 'mpirun', ...mpich },
  ]
  const works = ({ command, flags }: Launcher) => {
    try {
      return (
        execFileSync(command, [...flags, '-n', '2', 'echo', 'here'], { stdio: 'pipe' })
          .toString()
          .split('here').length === 3
      )
    } catch {
      return false
    }
  }
  const found: Launcher[] = []
  for (const one of candidates) {
    if (found.length > 0 && (!everything || one.command === 'mpirun')) break
    if (works(one)) found.push(one)
  }
  return found
}

const launchers = findLaunchers()
describe.skipIf(launchers.length > 0)('training over MPI', () => {
  it.skip('skipped: no mpirun that starts two processes was found', () => {})
})

interface Ended {
  code: number | null
  events: RunEvent[]
  /** Everything that was printed. */
  text: string
}

describe.each(launchers)('training over MPI with $command', { timeout: 600_000 }, ({ command, flags }) => {
  let root: string
  beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'casa-mpi-'))))
  afterAll(() => rm(root, { recursive: true, force: true }))

  const toy = (changes: ToyRun): ToyRun => ({ shards: 6, steps: 9, checkpointEvery: 3, ...changes })

  function run(ranks: number, changes: ToyRun): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const args = ['--conditions=@casa-js/source', '--import', tsx, child, JSON.stringify(toy(changes))]
      const launched = spawn(command, [...flags, '-n', String(ranks), process.execPath, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let text = ''
      launched.stdout.on('data', (chunk: Buffer) => (text += chunk))
      launched.stderr.on('data', (chunk: Buffer) => (text += chunk))
      launched.on('error', reject)
      launched.on('close', (code) => {
        const lines = text.split('\n').filter((line) => line.startsWith('{"kind"'))
        resolve({ code, text, events: lines.map((line) => JSON.parse(line) as RunEvent) })
      })
    })
  }
  const alone = async (changes: ToyRun = {}) => {
    const events: RunEvent[] = []
    for await (const event of train(toyRun(toy(changes)))) events.push(event)
    return events
  }
  const losses = (events: RunEvent[]) => events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []))
  const expectNear = (got: number[], wanted: number[]) => {
    expect(got).toHaveLength(wanted.length)
    // Up to the rounding of float32.
    got.forEach((loss, step) =>
      expect(Math.abs(loss - wanted[step]!), `step ${step}: ${loss} and ${wanted[step]}`).toBeLessThan(
        5e-6 * Math.max(1, wanted[step]!),
      ),
    )
  }
  const files = async (out: string, step: number) => {
    const folder = join(out, 'checkpoints', `step-0000000${step}`)
    const names = (await readdir(folder)).sort()
    return Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString('hex')]))
  }

  it('2 ranks follow one process; a rank that is killed ends all, by name; resumed, they end with the same bytes', async () => {
    const [whole, killed] = [join(root, 'whole'), join(root, 'killed')]
    const first = await run(2, { out: whole })
    expect(first, first.text).toMatchObject({ code: 0 })
    expectNear(losses(first.events), losses(await alone()))
    expect(first.events[0]).toMatchObject({ kind: 'start', workers: 2 })
    expect(first.events.at(-1)).toEqual({ kind: 'end', step: 9, stopped: false })
    expect(first.events.find(({ kind }) => kind === 'evaluation')).toMatchObject({ accuracy: { toy: { total: 4 } } })

    // Shard 5 is dealt to rank 1.
    const ended = await run(2, { out: killed, toy: { failAt: { batch: 5, shard: 5, how: 'kill' } } })
    expect(ended.code).not.toBe(0)
    expect(ended.text).toMatch(
      /casa: rank 1 of 2 \(process \d+ on \S+\) ended before its work was done\. The last good checkpoint is \S+step-00000003: go on from it with --resume/,
    )
    const rest = await run(2, { out: killed, resume: true })
    expect(rest, rest.text).toMatchObject({ code: 0 })
    expect(rest.events[0]).toMatchObject({ kind: 'start', step: 3 })
    expect(await files(killed, 9)).toEqual(await files(whole, 9))
  })

  it('3 ranks agree on a stop that one of them hears, and one process goes on from there', async () => {
    const out = join(root, 'stopped')
    const stopped = await run(3, { out, toy: { failAt: { batch: 2, shard: 1, how: 'stop' } } })
    expect(stopped, stopped.text).toMatchObject({ code: 0 })
    const end = stopped.events.at(-1)!
    expect(end).toMatchObject({ kind: 'end', stopped: true })
    expect((await findCheckpoint(out))!.state.step).toBe(end.step)
    const rest = await alone({ out, resume: true })
    expect(rest[0]).toMatchObject({ kind: 'start', step: end.step })
    expectNear([...losses(stopped.events), ...losses(rest)], losses(await alone()))
  })

  describe.skipIf(!everything)('thoroughly', () => {
    it('a model of many buckets, with fewer and more ranks on every resume', async () => {
      const changes = { toy: { hidden: 250_000, rows: 2 }, steps: 6, checkpointEvery: 2, device: 'wasm' as const }
      const wanted = losses(await alone(changes))
      const out = join(root, 'large')
      const got: number[] = []
      for (const [ranks, stopAt] of [
        [3, 1],
        [2, 3],
        [3, undefined],
      ] as const) {
        const failAt = stopAt === undefined ? {} : { failAt: { batch: stopAt, shard: 0, how: 'stop' as const } }
        const part = await run(ranks, { ...changes, out, resume: true, toy: { ...changes.toy, ...failAt } })
        expect(part, part.text).toMatchObject({ code: 0 })
        got.push(...losses(part.events))
      }
      expectNear(got, wanted)
    })

    it.each([0, 2, 5])('kill -9 of the rank of shard %i loses nothing that a checkpoint has', async (shard) => {
      const [whole, killed] = [join(root, `whole-${shard}`), join(root, `killed-${shard}`)]
      await run(3, { out: whole })
      const text: string[] = []
      for (const batch of [2, 4, 7]) {
        const ended = await run(3, { out: killed, resume: true, toy: { failAt: { batch, shard, how: 'kill' } } })
        expect(ended.code).not.toBe(0)
        text.push(ended.text)
      }
      // MPICH's launcher may kill the others before they can say it.
      if (!command.includes('mpich')) {
        for (const ended of text) expect(ended).toMatch(`casa: rank ${shard % 3} of 3`)
        expect(text[0]).toMatch('There was no checkpoint yet')
        expect(text[2]).toMatch('step-00000006')
      }
      await run(3, { out: killed, resume: true })
      expect(await files(killed, 9)).toEqual(await files(whole, 9))
    })

    it('an error of any rank ends all and is reported once, by rank 0; NaN leaves the last checkpoint', async () => {
      for (const shard of [0, 1]) {
        const ended = await run(3, { toy: { failAt: { batch: 2, shard, how: 'throw' } } })
        expect(ended.code).not.toBe(0)
        expect(ended.text).toMatch('rank 0 throws Error: the toy program was told to fail here')
        expect(ended.text.match(/throws Error/g)).toHaveLength(1)
      }
      const out = join(root, 'nan')
      const ended = await run(2, { out, toy: { poisonAfter: 4 } })
      expect(ended.text).toMatch(/rank 0 throws DivergedError: step 4: the loss is NaN/)
      expect((await findCheckpoint(out))!.state.step).toBe(3)
    })

    it('refuses more ranks than micro-batches, and a run that is there already', async () => {
      const many = await run(3, { shards: 2 })
      expect(many.text).toMatch(/rank 0 throws ConfigError: batch\.perStep: 3 ranks cannot share 2 micro-batches/)
      const out = join(root, 'there')
      await alone({ out })
      await cp(out, join(root, 'copy'), { recursive: true })
      const again = await run(2, { out })
      expect(again.text).toMatch(/rank 0 throws CheckpointError: .* holds a run of 9 updates: continue it with --resume/)
      expect(await readdir(out)).toEqual(await readdir(join(root, 'copy')))
    })
  })
})
