/** WebSockets of a Node server: the handshake, and connections that have died unnoticed. */
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { App } from './app.ts'

/** Created by `createSockets`. */
export interface Sockets {
  /** Closes all connections at once. */
  terminate(): void
}

/** How often each connection is asked for a sign of life. One that gave none since the last time is closed. */
const heartbeatMs = 30_000

/**
 * Opens WebSockets on a server, as its app allows.
 * @param maxBytes largest message
 * @returns the connections; they end with the server
 */
export function createSockets(server: Server, app: App, maxBytes: number): Sockets {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxBytes,
    handleProtocols: (offered) => (offered.has('casa-captions') ? 'casa-captions' : false),
  })
  const alive = new WeakSet<WebSocket>()
  const heartbeat = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }, heartbeatMs)
  heartbeat.unref()
  server.on('close', () => clearInterval(heartbeat))

  async function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket')
      return void stream.end(await asText(new Response('the only upgrade here is to a WebSocket', { status: 400 })))
    const opened = await app.upgrade(toRequest(request))
    if (typeof opened !== 'function') return void stream.end(await asText(opened))
    sockets.handleUpgrade(request, stream, head, (socket) => {
      alive.add(socket)
      const connection = opened({
        send: (text) => new Promise((resolve, reject) => socket.send(text, (error) => (error ? reject(error) : resolve()))),
        close: (code, reason) => socket.close(code, reason),
      })
      socket.on('error', () => {})
      socket.on('pong', () => alive.add(socket))
      socket.on('message', (data: RawData, isBinary) => {
        alive.add(socket)
        const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)
        connection.message(isBinary ? bytes : bytes.toString('utf8'))
      })
      socket.on('close', () => connection.closed())
    })
  }

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // The client may go at any time; its socket then has nobody to tell.
    stream.on('error', () => {})
    upgrade(request, stream, head).catch(() => stream.destroy())
  })
  return {
    terminate() {
      for (const socket of sockets.clients) socket.terminate()
    },
  }
}

function toRequest({ url = '/', headers }: IncomingMessage): Request {
  const copied = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) copied.set(name, String(value))
  return new Request(new URL(url, `http://${headers.host ?? 'localhost'}`), { headers: copied })
}

/** A response as it goes over the wire, for a connection that no HTTP server has. */
async function asText(response: Response): Promise<string> {
  const body = await response.text()
  const headers = new Headers(response.headers)
  headers.set('connection', 'close')
  headers.set('content-length', String(Buffer.byteLength(body)))
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`, ...lines, '', body].join('\r\n')
}
