/**
 * Fetches images from http(s) URLs given by clients. Clients are not trusted, so only public addresses are reached: the address is
 * checked when the connection is made, so that a name cannot resolve to a different one after the check, and again at each redirect.
 */
import ipaddr from 'ipaddr.js'
import { lookup } from 'node:dns'
import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { RequestError } from './errors.ts'
import type { FetchPicture } from './pictures.ts'

/** Limits on fetching. */
export interface FetchLimits {
  /** Largest size of an image. */
  maxBytes: number
  maxRedirects: number
  timeoutMs: number
  /** Allow private addresses too: this machine and its network. */
  allowPrivate: boolean
}

const refuse = (message: string, options?: ErrorOptions) => new RequestError(400, message, null, 'invalid_image_url', options)

/** @returns whether an address is public: not this machine, its network or a cloud's metadata service */
export const isPublic = (address: string): boolean => ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast'

/**
 * Creates a function that fetches images by URL, within limits.
 * @returns for `createApp`'s `fetchPicture`
 */
export function createFetchPicture({ maxBytes, maxRedirects, timeoutMs, allowPrivate }: FetchLimits): FetchPicture {
  const allowed = (address: string) => allowPrivate || isPublic(address)
  const hidden = (host: string) => refuse(`${host} is not a public address`)

  const checkedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '')
      if (addresses.length === 0 || !addresses.every(({ address }) => allowed(address))) return callback(hidden(hostname), '')
      if (options.all) callback(null, addresses)
      else callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }

  function open(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    // An IP address needs no lookup.
    if (isIP(host) && !allowed(host)) throw hidden(host)
    const get = url.protocol === 'https:' ? getHttps : getHttp
    return new Promise((resolve, reject) => {
      const headers = { accept: 'image/*', 'user-agent': 'casa-serve' }
      get(url, { signal, lookup: checkedLookup, agent: false, headers }, resolve).on('error', reject)
    })
  }

  async function read(response: IncomingMessage): Promise<Uint8Array> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw refuse(`the picture has more than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  async function follow(address: string, signal: AbortSignal): Promise<Uint8Array> {
    let url = parseUrl(address)
    for (let redirects = 0; ; redirects++) {
      const response = await open(url, signal)
      try {
        const { statusCode: status = 0, headers } = response
        if (status === 200) return await read(response)
        if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined)
          throw refuse(`${url.host} answered with status ${status}`)
        if (redirects === maxRedirects) throw refuse(`more than ${maxRedirects} redirects`)
        url = parseUrl(headers.location, url)
      } finally {
        response.destroy()
      }
    }
  }

  return async (address, signal) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      return await follow(address, AbortSignal.any([signal, timeout]))
    } catch (cause) {
      signal.throwIfAborted()
      if (RequestError.isInstance(cause)) throw cause
      const reason = timeout.aborted ? `it took more than ${timeoutMs} ms` : (cause as Error).message
      throw refuse(`the picture cannot be fetched: ${reason}`, { cause })
    }
  }
}

function parseUrl(address: string, base?: URL): URL {
  const url = URL.canParse(address, base) ? new URL(address, base) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '')
    throw refuse('expected an http or https address without a user name')
  return url
}
