/** The app on a port of this machine. */
import { ConfigError } from '@casa-js/base'
import type { Vlm } from '@casa-js/vlm'
import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, type AppOptions } from './app.ts'
import { createFetchPicture } from './fetch-picture.node.ts'

/** Where a model is served, and how. */
export interface ServeOptions extends Omit<AppOptions, 'allowedHosts' | 'fetchPicture'> {
  /** 8000 unless given; 0 takes a free one. */
  port?: number | undefined
  /** "127.0.0.1" unless given. Any other than this machine's own asks for a token. */
  host?: string | undefined
  /** Fetch pictures from http(s) addresses that clients name: public ones only, or "private" ones too. Not unless given. */
  allowHttpImages?: boolean | 'private' | undefined
}

/** Made by `serve`. */
export interface RunningServer {
  /** Its address, e.g. "http://127.0.0.1:8000". */
  readonly url: string
  /** End, with time for running answers; see `App.close`. */
  close(graceMs?: number): Promise<void>
}

const loopback = ['127.0.0.1', 'localhost', '[::1]']

/**
 * Serve a model over HTTP, as OpenAI's chat completions.
 * @param vlm stays the caller's, who disposes it after `close`
 * @returns the server, once it listens; the caller closes it
 * @throws ConfigError when it is open to others without a token, or the port is taken
 */
export async function serve(vlm: Vlm, options: ServeOptions = {}): Promise<RunningServer> {
  const { port = 8000, host = '127.0.0.1', allowHttpImages = false, ...rest } = options
  const name = host.includes(':') ? `[${host}]` : host
  const isLocal = loopback.includes(name)
  if (!isLocal && !rest.token)
    throw new ConfigError('host', `${host} may be reached from other machines: give a token, or serve on 127.0.0.1`)
  const maxBytes = rest.maxBodyBytes ?? 20 * 2 ** 20
  const fetchLimits = { maxBytes, maxRedirects: 3, timeoutMs: 15_000, allowPrivate: allowHttpImages === 'private' }
  const app = createApp(vlm, {
    ...rest,
    ...(allowHttpImages && { fetchPicture: createFetchPicture(fetchLimits) }),
    ...(isLocal && { allowedHosts: loopback }),
  })
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) =>
      reject(new ConfigError('port', `cannot listen on ${name}:${port}: ${cause.code ?? cause.message}`, { cause }))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return {
    url: `http://${name}:${(server.address() as AddressInfo).port}`,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await app.close(graceMs)
      server.closeIdleConnections()
      // Who has read the last answer and keeps the connection has no more to say.
      const timer = setTimeout(() => server.closeAllConnections(), 1000)
      await closed
      clearTimeout(timer)
    },
  }
}
