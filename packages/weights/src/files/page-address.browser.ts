/** Resolves addresses relative to a page. */
import { ConfigError } from '@casa-js/base'

/**
 * The absolute address of e.g. "/model/" or "model", relative to the document, or in a worker to its script. undefined for
 * a path in the private file system.
 * @throws ConfigError where there is nothing to resolve against.
 */
export function resolveAddress(text: string): string | undefined {
  if (text.startsWith('opfs:')) return undefined
  const base = typeof document === 'undefined' ? location.href : document.baseURI
  // A worker that a bundler made from a blob has an address without a path, but the same origin as the page.
  const root = base.startsWith('blob:') && text.startsWith('/') ? new URL(base).origin : base
  try {
    return new URL(text, root).href
  } catch {
    throw new ConfigError(
      'folder',
      `${JSON.stringify(text)} cannot be resolved against ${base}; pass a whole address, https://..`,
    )
  }
}
