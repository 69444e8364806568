/** The client in Chromium, with the shipped model in its worker: questions, conversations, aborts, crashes and restarts. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build, preview, type PreviewServer, type Plugin } from 'vite'
import { shippedGoldens } from '@casa-js/verify/node'
import type {} from './page/main.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../../scripts/browser.mjs'
import { readerAdapter } from './reader-adapter.node.ts'

const root = fileURLToPath(new URL('./page', import.meta.url))
const cli = fileURLToPath(new URL('../../../apps/cli', import.meta.url))

/** A real language model, where scripts/fetch-smollm2.sh has fetched it. */
const smollm2 = fileURLToPath(new URL('../../../.cache/smollm2', import.meta.url))
const ggufName = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const hasSmollm2 = existsSync(`${smollm2}/${ggufName}`)

/** A variant of CASA alone: enough to see that WebGPU's kernels are checked. */
const fewGoldens = ['casa/backbone/config.json', 'casa/backbone/model.safetensors'].concat(
  ['case.json', 'casa.safetensors', 'golden.safetensors'].map((file) => `casa/ca-shared/${file}`),
)

let adapter: Map<string, Uint8Array>

/** What is served beside the page: the shipped model, its samples, goldens, and the language model. */
const folders: Record<string, string> = {
  model: `${cli}/model`,
  samples: `${cli}/samples`,
  goldens: shippedGoldens,
  live: fileURLToPath(new URL('../../../recipes/live/model', import.meta.url)),
  'few-goldens': shippedGoldens,
  smollm2,
}
const shipped: Plugin = {
  name: 'shipped',
  configurePreviewServer(server) {
    server.middlewares.use((request, response, next) => {
      const [, folder, file] = /^\/([\w-]+)\/([\w./-]+)$/.exec(request.url?.split('?')[0] ?? '') ?? []
      if (folder === 'adapter' && file) {
        const bytes = adapter.get(file)
        return void (bytes ? response.end(bytes) : response.writeHead(404).end())
      }
      if (!folder || !file || !folders[folder]) return next()
      if (folder === 'few-goldens' && file === 'goldens.json') return void response.end(JSON.stringify(fewGoldens))
      try {
        response.end(readFileSync(`${folders[folder]}/${file}`))
      } catch {
        response.writeHead(404).end()
      }
    })
  },
}

describe.skipIf(!findBrowser())('a client in Chromium', () => {
  let server: PreviewServer
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    const config = {
      root,
      configFile: false as const,
      logLevel: 'error' as const,
      plugins: [shipped],
      resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
      worker: { format: 'es' as const },
      build: { outDir: '.cache/client', emptyOutDir: true, target: 'es2022' as const, chunkSizeWarningLimit: 3000 },
    }
    adapter = await readerAdapter()
    await build(config)
    server = await preview({ ...config, preview: { port: 0, open: false } })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(server.resolvedUrls!.local[0]!)
    await page.waitForFunction(() => 'casa' in window)
  }, 360_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('loads with progress, answers piece by piece, and ends', async () => {
    const seen = await page.evaluate(async () => {
      const stages: string[] = []
      const client = await casa.createVlmClient({
        model: '/model/',
        device: 'wasm',
        onProgress: (progress) => stages.push(progress.stage),
      })
      const pieces: string[] = []
      const answer = await client.ask(await casa.pictures('sign'), 'What does it say?', { onText: (text) => pieces.push(text) })
      const { bytes } = await client.memory()
      await client.dispose()
      return { stages: [...new Set(stages)], pieces, answer, bytes, info: client.info }
    })
    expect(seen.stages).toEqual(['device', 'download', 'weights'])
    expect(seen.answer.text).toBe('camel')
    expect(seen.pieces.join('').trim()).toBe('camel')
    expect(seen.pieces.length).toBeGreaterThan(1)
    expect(seen.answer.tokens).toBeGreaterThan(1)
    expect(seen.answer.timeToFirstTokenMs).toBeGreaterThan(0)
    expect(seen.info).toMatchObject({
      fusion: 'casa',
      languageModel: 'llama',
      visionEncoder: 'casa_vit',
      device: { device: 'wasm' },
    })
    expect(seen.info.parameters).toBeGreaterThan(4e6)
    expect(seen.bytes).toBeGreaterThanOrEqual(seen.info.weightBytes * 0.99)
  }, 360_000)

  it.skipIf(!hasSmollm2)(
    `loads SmolLM2 from its GGUF and knows a capital${hasSmollm2 ? '' : ' (scripts/fetch-smollm2.sh fetches it)'}`,
    async () => {
      const answer = await page.evaluate(async (name) => {
        const client = await casa.createVlmClient({ model: new URL(`/smollm2/${name}`, location.href).href, device: 'wasm' })
        const { text } = await client.ask([], 'What is the capital of France? Answer shortly.', { maxNewTokens: 12 })
        await client.dispose()
        return text
      }, ggufName)
      expect(answer).toContain('Paris')
    },
    360_000,
  )

  it('holds a conversation about two pictures, and errors arrive as they were thrown', async () => {
    const seen = await page.evaluate(async () => {
      const client = await casa.createVlmClient({ model: '/model/', device: 'wasm' })
      const conversation = await client.createConversation()
      const first = await conversation.say('What does it say?', { pictures: await casa.pictures('sign') })
      const second = await conversation.say('What does it say?', { pictures: await casa.pictures('second') })
      const broken = await client
        .ask([new Blob(['no picture'])], 'What?')
        .catch((error: Error) => error.name + ': ' + error.message)
      await conversation.close()
      const closed = await conversation.say('Hello?').catch((error: Error) => error.name)
      await client.dispose()
      const disposed = await client.ask([], 'Hello?').catch((error: Error) => error.name)
      const missing = await casa.createVlmClient({ model: '/nowhere/' }).catch((error: Error) => error.name)
      return { first: first.text, second: second.text, broken, closed, disposed, missing }
    })
    expect(seen.first).toBe('camel')
    expect(seen.second.length).toBeGreaterThan(0)
    expect(seen.broken).toMatch(/^ImageError: picture 1/)
    expect([seen.closed, seen.disposed, seen.missing]).toEqual(['StateError', 'StateError', 'WeightError'])
  }, 360_000)

  it('an abort ends an answer within a token, and the model can be asked again', async () => {
    const seen = await page.evaluate(async () => {
      const client = await casa.createVlmClient({ model: '/model/', device: 'wasm' })
      const stop = new AbortController()
      const pieces: string[] = []
      const reason = await client
        .ask(await casa.pictures('sign'), 'What does it say?', {
          signal: stop.signal,
          onText(text) {
            pieces.push(text)
            stop.abort()
          },
        })
        .catch((error: Error) => error.name)
      const again = await client.ask(await casa.pictures('sign'), 'What does it say?')
      await client.dispose()
      return { reason, pieces, again: again.text }
    })
    expect(seen.reason).toBe('AbortError')
    expect(seen.again).toBe('camel')
  }, 360_000)

  it('is taught new things, keeps what it knew, gives its files to casa, and knows them after a crash', async () => {
    const seen = await page.evaluate(async () => {
      const stages: string[] = []
      const client = await casa.createVlmClient({
        model: '/model/',
        device: 'wasm',
        worker: casa.watched,
        onProgress: ({ stage }) => stages.push(stage),
      })
      const { name } = client.info
      const { tensors } = await client.memory()
      const examples = await casa.shapes(6, 1)
      const heldOut = await casa.shapes(2, 2)
      const kinds: string[] = []
      const losses: number[] = []
      const answers: (string | undefined)[][] = []
      const result = await client.train({
        examples,
        heldOut,
        steps: 6,
        learningRate: 1e-3,
        onEvent(event) {
          kinds.push(event.kind)
          if (event.kind === 'step') losses.push(event.loss)
          if (event.kind === 'evaluation') answers.push(event.examples.map(({ predicted }) => predicted))
        },
      })
      const after = (await client.memory()).tensors
      const answer = await client.ask([heldOut[0]!.picture], 'What is this?')
      const files = await client.files()
      // What was learnt outlives the worker.
      stages.length = 0
      casa.crash()
      const crashed = await client.ask([heldOut[0]!.picture], 'What is this?').catch((error: Error) => error.name)
      await client.restart()
      const again = await client.ask([heldOut[0]!.picture], 'What is this?')
      const restarted = { crashed, answer: again.text, name: client.info.name === name, stages: [...new Set(stages)] }
      const stop = new AbortController()
      const stopped = await client.train({ examples, steps: 50, signal: stop.signal, onEvent: () => stop.abort() })
      const broken = await client
        .train({ examples: [{ picture: new Blob(['no picture']), question: 'What?', answer: 'Nothing' }] })
        .catch((error: Error) => `${error.name}: ${error.message}`)
      const later = (await client.memory()).tensors
      await client.dispose()
      const sizes = files.map(({ name, bytes }) => [name, bytes.byteLength] as const)
      const tensorCounts = [tensors, after, later]
      return { tensorCounts, kinds, losses, answers, result, answer: answer.text, sizes, restarted, stopped, broken }
    })
    expect(new Set(seen.tensorCounts).size).toBe(1)
    expect(seen.kinds.filter((kind) => kind === 'step')).toHaveLength(6)
    expect(seen.kinds.at(-1)).toBe('end')
    expect(seen.losses.at(-1)).toBeLessThan(seen.losses[0]! / 4)
    expect(seen.answers).toHaveLength(2)
    expect(seen.answers[0]).not.toEqual(seen.answers[1])
    expect(seen.answer).toBe('circle')
    expect(seen.restarted).toEqual({
      crashed: 'WorkerCrashedError',
      answer: 'circle',
      name: true,
      stages: ['device', 'weights'],
    })
    expect(seen.result).toMatchObject({
      steps: 6,
      stopped: false,
      info: { fusion: 'casa', name: expect.stringContaining('model') },
    })
    expect(seen.stopped).toMatchObject({ steps: 1, stopped: true })
    expect(seen.broken).toMatch(/^ImageError: picture 1/)
    expect(seen.sizes.map(([name]) => name)).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']),
    )
    expect(seen.sizes.find(([name]) => name === 'model.safetensors')![1]).toBeGreaterThan(8e6)
  }, 360_000)

  it('reads an adapter with its base, refuses another base in words, and trains the two as one model', async () => {
    const seen = await page.evaluate(async () => {
      const load = (base: string) => casa.createVlmClient({ model: '/adapter/', base, device: 'wasm', worker: casa.watched })
      const other = await load('/live/').catch((error: Error) => `${error.name}: ${error.message}`)
      const client = await load('/model/')
      const [picture] = await casa.pictures('sign')
      const { text } = await client.ask([picture!], 'What does it say?')
      const asAdapter = (await client.files()).map(({ name }) => name)
      casa.crash()
      await client.restart()
      const again = await client.ask([picture!], 'What does it say?')
      await client.train({ examples: await casa.shapes(2, 1), steps: 1 })
      const trained = (await client.files()).map(({ name }) => name)
      casa.crash()
      await client.restart()
      const { parameters, name } = client.info
      await client.dispose()
      const kept = (await casa.listModels()).map(({ model }) => new URL(model).pathname)
      return { other, text, again: again.text, asAdapter, trained, parameters, name, kept }
    })
    expect(seen.other).toMatch(/^WeightError: .*\/live\/.* is not the model that the adapter/)
    expect([seen.text, seen.again]).toEqual(['camel', 'camel'])
    expect(seen.asAdapter).toContain('adapter.json')
    expect(seen.asAdapter).not.toContain('tokenizer.json')
    expect(seen.trained).not.toContain('adapter.json')
    expect(seen.trained).toContain('tokenizer.json')
    expect(seen.parameters).toBeGreaterThan(4e6)
    expect(seen.name).toContain('/adapter/')
    expect(seen.kept).toEqual(expect.arrayContaining(['/adapter/', '/model/']))
  }, 360_000)

  it('verifies its device, alone, until it is aborted', async () => {
    const seen = await page.evaluate(async () => {
      const client = await casa.createVlmClient({ model: '/model/', device: 'wasm' })
      const pictures = await casa.pictures('sign')
      const { tensors } = await client.memory()
      const conversation = await client.createConversation()
      await conversation.say('What does it say?', { pictures })
      const shown: string[] = []
      const cases: string[] = []
      const verifying = client.verify({
        goldens: '/goldens/',
        onCheck(check, { doneCases, totalCases }) {
          shown.push(check.name)
          cases.push(`${doneCases} of ${totalCases}`)
        },
      })
      const meanwhile = await client.ask(pictures, 'What?').catch((error: Error) => error.message)
      await conversation.close()
      const { passed, checks } = await verifying
      const asking = client.ask(pictures, 'What does it say?')
      const busy = await client.verify({ goldens: '/goldens/' }).catch((error: Error) => error.message)
      const answer = await asking
      const missing = await client.verify({ goldens: '/nowhere/' }).catch((error: Error) => `${error.name}: ${error.message}`)
      const stop = new AbortController()
      const count: string[] = []
      const stopped = await client
        .verify({ goldens: '/goldens/', signal: stop.signal, onCheck: ({ name }) => (count.push(name), stop.abort()) })
        .catch((error: Error) => error.name)
      const after = (await client.memory()).tensors
      await client.dispose()
      const names = checks.map(({ name }) => name)
      return {
        passed,
        names,
        shown,
        cases,
        meanwhile,
        busy,
        answer: answer.text,
        missing,
        stopped,
        count,
        tensors: [tensors, after],
      }
    })
    expect(seen.passed).toBe(true)
    expect(seen.names).toHaveLength(72)
    expect(seen.names).toEqual(expect.arrayContaining(['logits', 'streaming', 'greedy_ids', 'gradient norm']))
    expect(seen.shown).toEqual(seen.names)
    expect([...new Set(seen.cases)]).toEqual(['0 of 4', '1 of 4', '2 of 4', '3 of 4'])
    expect(seen.meanwhile).toContain('is being verified')
    expect(seen.busy).toContain('the model is at work')
    expect(seen.answer).toBe('camel')
    expect(seen.missing).toMatch(/^FileError: .*\/nowhere\/goldens.json/)
    expect(seen.stopped).toBe('AbortError')
    // At most the checks of the case that ran when the abort arrived.
    expect(seen.count.length).toBeLessThan(12)
    expect(seen.tensors[1]).toBe(seen.tensors[0])
  }, 360_000)

  it('a crash is told, and the client starts again', async () => {
    const seen = await page.evaluate(async () => {
      const refused = await casa.createVlmClient({ model: '/model/', worker: casa.dying }).catch((error: Error) => error)
      return { name: (refused as Error).name, message: (refused as Error).message }
    })
    expect(seen.name).toBe('WorkerCrashedError')
    expect(seen.message).toContain('outOfLuck')
  }, 360_000)

  const hasWebgpu = process.env.CASA_DEVICES?.includes('webgpu') ?? true
  it.skipIf(!hasWebgpu)(
    'answers on WebGPU, and verifies it',
    async () => {
      const gpuBrowser = await chromium.launch({
        executablePath: findBrowser()!,
        args: [
          ...['--no-sandbox', '--disable-quic', '--disable-background-networking'],
          // As the operators' tests start it (packages/tensor): on the processor where there is no GPU.
          ...['--headless=new', '--enable-unsafe-webgpu', '--enable-features=Vulkan,WebGPU', '--use-webgpu-adapter=swiftshader'],
          '--enable-dawn-features=disable_workgroup_init',
        ],
      })
      try {
        const gpuPage = await gpuBrowser.newPage()
        await gpuPage.goto(server.resolvedUrls!.local[0]!)
        await gpuPage.waitForFunction(() => 'casa' in window)
        const seen = await gpuPage.evaluate(async () => {
          const client = await casa.createVlmClient({ model: '/model/', device: 'webgpu', software: true })
          const answer = await client.ask(await casa.pictures('sign'), 'What does it say?')
          const { device } = client.info.device
          const { passed, checks } = await client.verify({ goldens: '/few-goldens/' })
          await client.dispose()
          return { device, text: answer.text, passed, count: checks.length, limits: checks.map(({ tolerance }) => tolerance) }
        })
        expect(seen).toMatchObject({ device: 'webgpu', text: 'camel', passed: true, count: 11 })
        expect(new Set(seen.limits)).toEqual(new Set([1e-4]))
      } finally {
        await gpuBrowser.close()
      }
    },
    360_000,
  )

  it('logs no error', () => expect(errors).toEqual([]))
})
