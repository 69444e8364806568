/**
 * Redirects that do not leak a user's headers. fetch drops Authorization when a redirect leads to another origin, but sends every
 * other header along: an API key would be sent to whatever storage, or attacker, the first server names.
 */
import { refuse } from '../refuse.ts'

const redirects = new Set([301, 302, 303, 307, 308])

/** As fetch itself allows. */
const hopLimit = 20

export interface RedirectedRequest {
  /** Sent to every host. */
  headers: Record<string, string>
  /** Sent to the host of the address only. */
  privateHeaders: Record<string, string> | undefined
  init: RequestInit
  fetch: typeof fetch
}

/** @throws WeightError in a browser when a redirect would carry headers elsewhere: a page cannot follow it without them. */
export async function fetchKeepingHeaders(url: string, request: RedirectedRequest): Promise<Response> {
  // A browser's fetch must not be called as a method of another object.
  const { headers, privateHeaders = {}, init, fetch } = request
  const names = Object.keys(privateHeaders)
  const isBrowser = typeof location !== 'undefined'
  // Browsers drop Authorization themselves, and do not show pages where a redirect leads.
  const isSafe = names.length === 0 || (isBrowser && names.every((name) => name.toLowerCase() === 'authorization'))
  if (isSafe) return fetch(url, { ...init, headers: { ...headers, ...privateHeaders } })
  let at = new URL(url)
  let isHome = true
  for (let hop = 0; hop < hopLimit; hop++) {
    const sent = isHome ? { ...headers, ...privateHeaders } : headers
    const response = await fetch(at.href, { ...init, headers: sent, redirect: 'manual' })
    if (response.type === 'opaqueredirect') {
      return refuse(
        url,
        'redirect',
        `the server redirects, and a page cannot keep the headers ${names.join(', ')} from the other host; pass the final address`,
      )
    }
    const target = redirects.has(response.status) ? response.headers.get('location') : null
    if (target === null) return response
    await response.body?.cancel()
    const next = new URL(target, at)
    isHome &&= staysHome(at, next)
    at = next
  }
  return refuse(url, 'http', `more than ${hopLimit} redirects, one after the other`)
}

/** The same host and port, or the same name moved from http to https. */
function staysHome(from: URL, to: URL): boolean {
  if (to.origin === from.origin) return true
  return from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname && !from.port && !to.port
}
