/**
 * SIGKILL while a command writes. At any moment: inputs are unchanged, an output folder is complete or missing, files of the
 * user are still there, and running the same command again ends as if nothing had happened.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listCache, verifyCache } from '@casa-js/weights/node'
import { parseSrt } from '@casa-js/vlm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeModel } from '../describe-model.ts'
import { casa, fixture, hashOf, kills, randomKill, rounds } from '../fixtures/casa.ts'
import { writeRun } from '../fixtures/run.ts'

const timeout = 60_000 + 60_000 * rounds
let root: string
let cwd: string
beforeAll(() => void (root = mkdtempSync(join(tmpdir(), 'casa-killed-'))))
beforeEach(({ task }) => {
  cwd = join(root, task.name.replaceAll(/\W+/g, '-'))
  mkdirSync(cwd)
})
afterAll(() => {
  rmSync(root, { recursive: true })
  if (rounds > 1)
    console.log(`${kills.done} of ${kills.tried} commands were killed while they wrote; the others had ended before`)
})

describe.each([
  ['convert', [fixture.language, 'out', '--dtype', 'bf16', '--shard-size', '60kB'], fixture.language],
  ['adapt', [fixture.vision, '--out', 'out'], fixture.vision],
])('casa %s, killed', (command, args, input) => {
  it(`${command} into a new folder: it is whole or not there`, { timeout }, async () => {
    const before = hashOf(input)
    for (let round = 0; round < rounds; round++) {
      rmSync(join(cwd, 'out'), { recursive: true, force: true })
      const { wasKilled } = await casa([command, ...args], { cwd, kill: randomKill(cwd, 16) })
      if (wasKilled && !existsSync(join(cwd, 'out'))) expect(await casa([command, ...args], { cwd })).toMatchObject({ code: 0 })
      expect((await describeModel(join(cwd, 'out'))).facts.total).toBeGreaterThan(0)
      expect(hashOf(input)).toBe(before)
    }
  })

  it(`${command} --force over a folder with a file of mine: nothing of mine is lost`, { timeout }, async () => {
    mkdirSync(join(cwd, 'out'))
    writeFileSync(join(cwd, 'out', 'notes.txt'), 'mine')
    for (let round = 0; round < rounds; round++) {
      await casa([command, ...args, '--force'], { cwd, kill: randomKill(cwd, 20) })
      expect(await casa([command, ...args, '--force'], { cwd })).toMatchObject({ code: 0 })
      expect(readFileSync(join(cwd, 'out', 'notes.txt'), 'utf8')).toBe('mine')
      expect((await describeModel(join(cwd, 'out'))).facts.total).toBeGreaterThan(0)
    }
  })
})

describe('casa train, killed', () => {
  it('goes on with --resume and ends in the same bytes', { timeout }, async () => {
    await writeRun(cwd, { steps: 20 })
    expect(await casa(['train', 'run.json', '--out', 'whole'], { cwd })).toMatchObject({ code: 0 })
    const expected = readFileSync(join(cwd, 'whole', 'model', 'model.safetensors'))
    for (let round = 0; round < rounds; round++) {
      const out = `out-${round}`
      await casa(['train', 'run.json', '--out', out], { cwd, kill: randomKill(cwd, 60) })
      // Killed again while it goes on.
      const args = ['train', 'run.json', '--out', out, '--resume']
      await casa(args, { cwd, kill: randomKill(cwd, 60) })
      expect(await casa(args, { cwd })).toMatchObject({ code: 0 })
      expect(readFileSync(join(cwd, out, 'model', 'model.safetensors')).equals(expected), `round ${round}`).toBe(true)
      const steps = readFileSync(join(cwd, out, 'metrics.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(steps.filter(({ kind }) => kind === 'step').map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    }
  })
})

describe('casa eval --results, killed', () => {
  it('asks what is missing, once', { timeout }, async () => {
    await writeRun(cwd, { steps: 5 })
    expect(await casa(['train', 'run.json', '--out', 'run'], { cwd })).toMatchObject({ code: 0 })
    const args = [
      'eval',
      'run/model',
      '--data',
      'rows.jsonl',
      '--results',
      'results.jsonl',
      '--max-tokens',
      '4',
      '--device',
      'cpu',
    ]
    for (let round = 0; round < rounds; round++) {
      rmSync(join(cwd, 'results.jsonl'), { force: true })
      await casa(args, { cwd, kill: { ...randomKill(cwd, 12), laterMs: 0 } })
      expect(await casa(args, { cwd })).toMatchObject({ code: 0 })
      const indices = readFileSync(join(cwd, 'results.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).index)
      expect(indices).toEqual(Array.from({ length: 12 }, (_, i) => i))
    }
  })
})

describe('casa caption --jsonl, killed', () => {
  it('goes on with --resume: every frame once, in order', { timeout }, async () => {
    await writeRun(cwd, { steps: 5 })
    expect(await casa(['train', 'run.json', '--out', 'run'], { cwd })).toMatchObject({ code: 0 })
    mkdirSync(join(cwd, 'frames'))
    for (let i = 10; i < 40; i++) copyFileSync(join(cwd, 'dot.png'), join(cwd, 'frames', `${i}.png`))
    const outputs = ['--jsonl', 'captions.jsonl', '--srt', 'captions.srt']
    const args = ['caption', 'frames', '--model', 'run/model', '--max-tokens', '3', '--device', 'cpu', ...outputs]
    for (let round = 0; round < rounds; round++) {
      for (const name of ['captions.jsonl', 'captions.jsonl.state', 'captions.srt']) rmSync(join(cwd, name), { force: true })
      const { wasKilled } = await casa(args, { cwd, kill: randomKill(cwd, 20) })
      if (wasKilled && existsSync(join(cwd, 'captions.jsonl')))
        expect(await casa([...args, '--resume'], { cwd })).toMatchObject({ code: 0 })
      else if (wasKilled) expect(await casa(args, { cwd })).toMatchObject({ code: 0 })
      const starts = readFileSync(join(cwd, 'captions.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).start_ms)
      expect(starts).toEqual(Array.from({ length: 30 }, (_, i) => 500 * i))
      expect(parseSrt(readFileSync(join(cwd, 'captions.srt'), 'utf8')).length).toBeGreaterThan(0)
      expect(existsSync(join(cwd, 'captions.jsonl.state'))).toBe(false)
    }
  })
})

describe('a download, killed', () => {
  let server: Server
  beforeAll(async () => {
    server = createServer(({ url = '', headers }, response) => {
      const path = join(fixture.language, url)
      if (!existsSync(path)) return void response.writeHead(404).end()
      const file = readFileSync(path)
      const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(headers.range ?? '') ?? []
      const part = file.subarray(Number(from), to === '' ? undefined : Number(to) + 1)
      response.setHeader('etag', '"1"').setHeader('accept-ranges', 'bytes')
      if (headers.range)
        response.writeHead(206, { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${file.length}` })
      // Slowly, so that the kill can hit it halfway.
      let at = 0
      const feed = () => {
        if (at >= part.length) return void response.end()
        response.write(part.subarray(at, (at += 40_000)))
        setTimeout(feed, 5)
      }
      feed()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => void server.close())

  it('goes on, and no damaged file is kept', { timeout }, async () => {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    for (let round = 0; round < rounds; round++) {
      const cache = join(cwd, `cache-${round}`)
      mkdirSync(cache)
      const [args, env] = [['convert', address, `out-${round}`, '--quiet'], { CASA_CACHE: cache }]
      await casa(args, { cwd, env, kill: randomKill(cache, 20) })
      if (!existsSync(join(cwd, `out-${round}`))) expect(await casa(args, { cwd, env })).toMatchObject({ code: 0 })
      const [copy, original] = [`${cwd}/out-${round}`, fixture.language].map((folder) =>
        readFileSync(join(folder, 'model.safetensors')),
      )
      expect(copy!.length).toBeGreaterThan(0.9 * original!.length)
      expect((await describeModel(join(cwd, `out-${round}`))).facts.total).toBe(
        (await describeModel(fixture.language)).facts.total,
      )
      for await (const { key, state } of verifyCache({ folder: cache })) expect(state, key).not.toBe('damaged')
      expect((await listCache({ folder: cache })).length).toBeGreaterThan(0)
    }
  })
})
