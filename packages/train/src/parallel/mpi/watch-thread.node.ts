/**
 * The thread that watches over the other ranks of a run, beside a main thread that computes for seconds without a turn of its event loop.
 *
 * Every rank holds a TCP connection to rank 0. A connection that closes, or is silent, before its rank has said that it is done means that
 * the rank is gone: the thread says so on stderr at once, because the launcher may kill this process next, then tells its rank and the others.
 */
import { writeSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Line, Order, Place, Report, WatchStart } from './watch-protocol.ts'

const BEAT_MS = 5_000
const SILENCE_MS = 60_000
const CONNECT_MS = 15_000
const STDERR = 2

const { rank, ranks } = workerData as WatchStart
const port = parentPort!
const report = (message: Report) => port.postMessage(message)

/** Connections by the rank at the other end. */
const peers = new Map<number, Socket>()
/** Ranks that have said that they are done, or are not watched. */
const released = new Set<number>()
let places: Place[] = []
let lastCheckpoint: string | undefined
/** The run has ended, well or not: what happens to others is no news. */
let isOver = false
let isFinishing = false
let hasFailed = false
let server: Server | undefined
const token = randomBytes(16).toString('hex')

port.on('message', (order: Order) => {
  if (order.kind === 'meet') {
    places = order.places
    if (rank > 0) void meet(order.address.hosts, order.address.port, order.address.token)
    else if (peers.size === ranks - 1) report({ kind: 'met', isWatched: true })
  } else if (order.kind === 'unwatched') for (const one of order.ranks) released.add(one)
  else if (order.kind === 'checkpoint') {
    lastCheckpoint = order.folder
    tellAll(order)
  } else if (order.kind === 'warning') tellAll(order)
  else if (order.kind === 'failed') {
    isOver = hasFailed = true
    tellAll({ kind: 'failed', rank, error: order.error })
  } else finish()
})

if (rank === 0) listen()
const beat = setInterval(() => {
  for (const socket of peers.values()) socket.write('\n')
}, BEAT_MS)

function listen(): void {
  server = createServer((socket) => {
    const refuse = setTimeout(() => socket.destroy(), CONNECT_MS)
    readLines(socket, (line) => {
      if (line.kind !== 'hello' || line.token !== token || !(line.rank > 0 && line.rank < ranks) || peers.has(line.rank)) {
        socket.destroy()
        return undefined
      }
      clearTimeout(refuse)
      watch(line.rank, socket)
      tell(socket, { kind: 'welcome' })
      if (peers.size === ranks - 1 && places.length > 0) report({ kind: 'met', isWatched: true })
      return line.rank
    })
    socket.on('error', () => {})
  })
  server.listen(0, () => {
    const hosts = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address }) => !address.startsWith('fe80'))
      .toSorted((a, b) => Number(a.internal) - Number(b.internal))
      .map(({ address }) => address)
    const bound = server!.address()
    if (typeof bound === 'object' && bound) report({ kind: 'listening', address: { hosts, port: bound.port, token } })
  })
}

/** Connects to rank 0 at the first of its addresses that answers. */
async function meet(hosts: string[], to: number, secret: string): Promise<void> {
  for (const host of hosts) {
    if (await greet(host, to, secret)) return report({ kind: 'met', isWatched: true })
  }
  report({ kind: 'met', isWatched: false })
}

function greet(host: string, to: number, secret: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: to })
    const timer = setTimeout(() => socket.destroy(), CONNECT_MS)
    socket.on('connect', () => tell(socket, { kind: 'hello', rank, token: secret }))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(false)
    })
    readLines(socket, (line) => {
      if (line.kind !== 'welcome') return undefined
      clearTimeout(timer)
      watch(0, socket)
      resolve(true)
      return 0
    })
  })
}

function watch(of: number, socket: Socket): void {
  peers.set(of, socket)
  socket.setNoDelay()
  socket.setTimeout(SILENCE_MS, () => lose(of, `has given no sign of life for ${SILENCE_MS / 1000} seconds`))
  socket.on('close', () => lose(of, 'ended before its work was done'))
}

/** @param onFirst says which rank the connection is to, from its first line */
function readLines(socket: Socket, onFirst: (line: Line) => number | undefined): void {
  let text = ''
  let from: number | undefined
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n')
    text = lines.pop()!
    for (const line of lines) {
      if (line === '') continue
      try {
        const parsed = JSON.parse(line) as Line
        if (from === undefined) from = onFirst(parsed)
        else receive(from, parsed)
      } catch {
        socket.destroy()
      }
    }
  })
}

function receive(from: number, line: Line): void {
  if (line.kind === 'done') {
    released.add(from)
    closeIfAllAreDone()
  } else if (line.kind === 'checkpoint') lastCheckpoint = line.folder
  else if (line.kind === 'warning') report(line)
  else if (line.kind === 'failed') {
    isOver = true
    report({ kind: 'failed', rank: line.rank, error: line.error })
    if (rank === 0) tellAll(line)
  } else if (line.kind === 'lost' && !isOver) {
    isOver = hasFailed = true
    report({ kind: 'lost', message: line.message })
  }
}

function lose(of: number, how: string): void {
  peers.delete(of)
  if (isOver || released.has(of)) return closeIfAllAreDone()
  isOver = true
  const { host, pid } = places[of]!
  const from = lastCheckpoint
    ? `The last good checkpoint is ${lastCheckpoint}: go on from it with --resume, with as many ranks as you like`
    : 'There was no checkpoint yet: start again'
  const message = `rank ${of} of ${ranks} (process ${pid} on ${host}) ${how}. ${from}`
  // If rank 0 is gone, all others notice.
  if (rank === 0 || rank === 1) writeSync(STDERR, `casa: ${message}\n`)
  tellAll({ kind: 'lost', message })
  report({ kind: 'lost', message })
}

function finish(): void {
  isOver = isFinishing = true
  tellAll({ kind: 'done' })
  closeIfAllAreDone()
}

/**
 * Rank 0 closes last, so that no other takes its end for a failure. After a failure it closes first: a launcher kills all processes as soon
 * as one has ended, and rank 0 has yet to report what happened.
 */
function closeIfAllAreDone(): void {
  if (!isFinishing) return
  if (rank === 0) for (const of of peers.keys()) if (!released.has(of)) return
  if (rank > 0 && hasFailed && peers.has(0)) return
  close()
}

function close(): void {
  clearInterval(beat)
  for (const socket of peers.values()) socket.end()
  server?.close()
  port.close()
}

function tell(socket: Socket, line: Line): void {
  if (socket.writable) socket.write(JSON.stringify(line) + '\n')
}

function tellAll(line: Line): void {
  for (const socket of peers.values()) tell(socket, line)
}
