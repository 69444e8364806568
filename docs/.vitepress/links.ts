/** Where a link between files of the repository leads on the site. */
import { existsSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const docs = fileURLToPath(new URL('..', import.meta.url))
export const root = resolve(docs, '..')
export const repository = 'https://github.com/casa-js/casa-js'

/** READMEs that are pages of the site, by their address: packages, the command, models. */
export function readmeName(file: string): string | undefined {
  const path = relative(root, file)
    .replaceAll('\\', '/')
    .replace(/\/README\.md$/, '')
  if (path === 'apps/cli') return 'package-cli'
  if (path === 'apps/cli/model') return 'model-reader'
  if (path === 'recipes/live/model') return 'model-live'
  const name = /^packages\/([^/]+)$/.exec(path)?.[1]
  return name && existsSync(resolve(root, path, 'README.md')) ? `package-${name}` : undefined
}

/**
 * @param href as a document has it
 * @param file the document
 * @returns an address of the site, or of the repository for files that are no pages
 */
export function linkTarget(href: string, file: string): string {
  if (/^[a-z]+:|^[#/]/i.test(href)) return href
  const [path = '', hash] = href.split('#')
  const target = resolve(dirname(file), path)
  const anchor = hash ? `#${hash}` : ''
  const readme = readmeName(target)
  if (readme) return `/${readme}${anchor}`
  // Pages have addresses of their own; other files are the repository's.
  if (!target.startsWith(docs) || !/\.md$|\/$/.test(path)) return `${repository}/blob/main/${relative(root, target)}${anchor}`
  return `/${relative(docs, target).replace(/^pages\//, '')}${anchor}`
}
