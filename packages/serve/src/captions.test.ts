/** Tests the caption WebSocket with a real client and the live model. */
import { close, init, memory } from '@casa-js/tensor'
import { loadVlm, type Vlm } from '@casa-js/vlm'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { serve, type RunningServer, type ServeOptions } from './index.ts'

const root = new URL('../../../', import.meta.url)
const frames = ['emoji', 'sign', 'first'].map((name) => readFileSync(new URL(`apps/cli/samples/${name}.png`, root)))

interface Answer {
  type: string
  frame?: number
  text?: string
  dropped?: number
  dropped_total?: number
  frames?: number
  time_ms?: number
  error?: { message: string; type: string; param: string | null; code: string | null }
}

interface Client {
  socket: WebSocket
  answers: Answer[]
  send(message: object | Uint8Array): void
  /** Waits until there are answers of a type. */
  until(type: string, count?: number): Promise<Answer[]>
  /** Resolves when the server has closed the connection. */
  closed: Promise<{ code: number; reason: string }>
}

let vlm: Vlm
let server: RunningServer | undefined
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = await loadVlm(fileURLToPath(new URL('recipes/live/model', root)))
})
afterAll(async () => {
  vlm.dispose()
  await close()
})
const wrong: unknown[] = []
afterEach(async () => {
  await server?.close(0)
  server = undefined
  expect(wrong).toEqual([])
})

const start = async (options: ServeOptions = {}, model = vlm): Promise<RunningServer> =>
  (server = await serve(model, { port: 0, modelId: 'live', onError: (error) => wrong.push(error), ...options }))

const address = () => `${server!.url.replace('http', 'ws')}/v1/captions`

async function connect(protocols: string[] = [], headers: Record<string, string> = {}): Promise<Client> {
  const socket = new WebSocket(address(), protocols, { headers })
  const answers: Answer[] = []
  socket.on('message', (data) => answers.push(JSON.parse(String(data)) as Answer))
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  )
  const of = (type: string) => answers.filter((answer) => answer.type === type)
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
  return {
    socket,
    answers,
    send: (message) => socket.send(message instanceof Uint8Array ? message : JSON.stringify(message)),
    async until(type, count = 1) {
      await expect.poll(() => of(type).length, { timeout: 30_000, message: `${count} ${type}` }).toBeGreaterThanOrEqual(count)
      return of(type)
    },
    closed,
  }
}

const frame = (index: number, timeMs: number) => ({
  type: 'frame',
  image: `data:image/png;base64,${frames[index]!.toString('base64')}`,
  time_ms: timeMs,
})

/** Endless: it has no stop token, so that a frame takes until its limit of tokens. */
const endless = () => ({ ...vlm, stopIds: [] })

test('frames go in and captions come out, token by token, and nothing stays on the device', async () => {
  const before = memory().tensors
  await start()
  const client = await connect()
  client.send({ type: 'start', fps: 4, budget_ms: 60_000, max_tokens_per_frame: 12 })
  expect(await client.until('ready')).toEqual([{ type: 'ready', model: 'live', fps: 4 }])
  client.send(frame(0, 0))
  await client.until('frame', 1)
  client.send(frames[1]!)
  const captions = await client.until('frame', 2)
  client.send({ type: 'end' })
  expect(await client.closed).toEqual({ code: 1000, reason: 'done' })
  expect(client.answers.at(-1)).toEqual({ type: 'done', frames: 2, dropped_total: 0 })
  expect(captions.map(({ frame: index, dropped }) => [index, dropped])).toEqual([
    [0, 0],
    [1, 0],
  ])
  expect(captions[0]!.time_ms).toBe(0)
  expect(captions[0]!.text!.trim()).not.toBe('')
  const tokens = client.answers.filter((answer) => answer.type === 'token' && answer.frame === 0)
  expect(tokens.length).toBeGreaterThan(0)
  // The first caption may begin with a prefix that no token gave.
  expect(captions[0]!.text!.endsWith(tokens.map(({ text }) => text).join(''))).toBe(true)
  await expect.poll(() => memory().tensors, { timeout: 30_000 }).toBe(before)
})

test('the newest frame wins, the others are counted, and metrics tell', async () => {
  await start({}, endless())
  const client = await connect()
  client.send({ type: 'start', budget_ms: 600_000, max_tokens_per_frame: 30 })
  client.send(frame(0, 0))
  await client.until('token')
  // While the first frame is captioned, 19 more arrive: one waits, and each later one replaces it.
  for (let i = 1; i < 20; i++) client.send(frame(i % 3, i * 10))
  client.send({ type: 'end' })
  await client.closed
  const captions = client.answers.filter(({ type }) => type === 'frame')
  expect(captions.map(({ time_ms: at, dropped }) => [at, dropped])).toEqual([
    [0, 0],
    [190, 18],
  ])
  expect(client.answers.at(-1)).toEqual({ type: 'done', frames: 2, dropped_total: 18 })
  const page = await (await fetch(`${server!.url}/metrics`)).text()
  expect(page).toContain('casa_caption_frames_total 2\n')
  expect(page).toContain('casa_caption_dropped_frames_total 18\n')
  expect(page).toContain('casa_caption_streams 0\n')
})

test('a corrupt frame is told, and the next one is captioned', async () => {
  await start({ maxPixels: 64 * 1024 })
  const client = await connect()
  client.send(new Uint8Array([1, 2, 3]))
  const [error] = await client.until('error')
  expect(error!.error).toMatchObject({ type: 'invalid_request_error', param: 'image', code: 'invalid_image' })
  client.send(frames[0]!)
  await client.until('frame')
  client.send({ type: 'end' })
  expect((await client.closed).code).toBe(1000)
})

test.each<[string, string, object | string]>([
  ['not JSON', 'not JSON', '{'],
  ['an unknown type', 'type', { type: 'stop' }],
  ['an unknown setting', 'speed', { type: 'start', speed: 2 }],
  ['a setting out of range', 'fps', { type: 'start', fps: 0 }],
  ['a picture that is no data URL', 'image', { type: 'frame', image: 'http://127.0.0.1/a.png' }],
])('%s closes the connection with an error that names it', async (_, says, message) => {
  await start()
  const client = await connect()
  client.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  const { code, reason } = await client.closed
  expect(code).toBe(1008)
  expect(reason).toContain(says)
  expect(client.answers.at(-1)!.error!.message).toContain(says)
})

test('messages and connections have their limits', async () => {
  await start({ maxBodyBytes: 1000, maxStreams: 1, maxIdleMs: 200 })
  const large = await connect()
  large.send(new Uint8Array(2000))
  expect((await large.closed).code).toBe(1009)
  const idle = await connect()
  const second = await connect()
  expect(await second.closed).toMatchObject({ code: 1013 })
  expect(second.answers[0]!.error).toMatchObject({ type: 'rate_limit_error', code: 'busy' })
  expect(await idle.closed).toMatchObject({ code: 1008 })
  expect(idle.answers[0]!.error).toMatchObject({ code: 'idle' })
})

test('a client that goes frees what its captions held, and its place', async () => {
  const before = memory().tensors
  await start({ maxStreams: 1 }, endless())
  const client = await connect()
  client.send({ type: 'start', budget_ms: 600_000, max_tokens_per_frame: 1000 })
  client.send(frames[0]!)
  await client.until('token')
  client.socket.terminate()
  await expect.poll(() => memory().tensors, { timeout: 30_000 }).toBe(before)
  const next = await connect()
  next.send({ type: 'end' })
  expect((await next.closed).code).toBe(1000)
})

test('the end of the server waits for the current frame, and stops at once when told to', async () => {
  const before = memory().tensors
  await start({}, endless())
  const client = await connect()
  client.send({ type: 'start', budget_ms: 600_000, max_tokens_per_frame: 8 })
  client.send(frames[0]!)
  await client.until('token')
  await server!.close(60_000)
  expect(await client.closed).toEqual({ code: 1001, reason: 'the server is closing' })
  expect(client.answers.at(-1)).toMatchObject({ type: 'done', frames: 1 })

  await start({}, endless())
  const other = await connect()
  other.send({ type: 'start', budget_ms: 600_000, max_tokens_per_frame: 1000 })
  other.send(frames[0]!)
  await other.until('token')
  await server!.close(0)
  expect((await other.closed).code).toBe(1001)
  expect(other.answers.at(-1)!.error).toMatchObject({ code: 'closing' })
  await expect.poll(() => memory().tensors, { timeout: 30_000 }).toBe(before)
})

/** The status with which an upgrade is refused. */
const refused = (protocols: string[], headers: Record<string, string>) =>
  new Promise<number | undefined>((resolve, reject) => {
    const socket = new WebSocket(address(), protocols, { headers })
    socket.on('unexpected-response', (_, response) => {
      response.resume()
      resolve(response.statusCode)
    })
    socket.on('open', () => reject(new Error('it was opened')))
  })

test('a token is asked for: in the header, or among the subprotocols, as browsers can', async () => {
  await start({ token: 'se/cret' })
  expect(await refused([], {})).toBe(401)
  expect(await refused(['casa-captions', 'casa-token.wrong'], {})).toBe(401)
  const byHeader = await connect([], { authorization: 'Bearer se/cret' })
  const byProtocol = await connect(['casa-captions', `casa-token.${encodeURIComponent('se/cret')}`], {
    origin: 'https://a.example',
  })
  expect(byProtocol.socket.protocol).toBe('casa-captions')
  for (const client of [byHeader, byProtocol]) {
    client.send({ type: 'end' })
    expect((await client.closed).code).toBe(1000)
  }
})

test('pages of other sites and other names of this machine are refused without a token', async () => {
  await start()
  expect(await refused([], { origin: 'https://evil.example' })).toBe(403)
  expect(await refused([], { origin: 'null' })).toBe(403)
  expect(await refused([], { host: 'evil.example' })).toBe(403)
  const local = await connect([], { origin: 'http://localhost:5173' })
  local.socket.close()
  await local.closed
})

test('what is not a WebSocket is told so', async () => {
  await start()
  const plain = await fetch(`${server!.url}/v1/captions`)
  expect(plain.status).toBe(426)
  expect(plain.headers.get('upgrade')).toBe('websocket')
  const other = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { connection: 'upgrade', upgrade: 'h2c' }
    get(`${server!.url}/v1/models`, { headers }, (response) => resolve(response.resume().statusCode)).on('error', reject)
  })
  expect(other).toBe(400)
})
