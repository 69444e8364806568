/** READMEs that are pages of the site. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { docs, linkTarget, readmeName, root } from './links.ts'

/** One of them. */
export interface ReadmePage {
  /** Its address on the site, without a slash. */
  name: string
  /** Its title in the sidebar. */
  title: string
  file: string
  /** Markdown, with links as the site has them. */
  content(): string
}

const folders = [
  ...readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'README.md')))
    .map((name) => `packages/${name}`),
  'apps/cli',
  'apps/cli/model',
  'recipes/live/model',
]

export const readmePages: ReadmePage[] = folders.map((folder) => {
  const file = join(root, folder, 'README.md')
  const [title = folder] = /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.slice(1) ?? []
  return { name: readmeName(file)!, title, file, content: () => withSiteLinks(readFileSync(file, 'utf8'), file) }
})

/** Links and images, which on the page are relative to another folder. Code is left as it is. */
const withSiteLinks = (text: string, file: string): string =>
  text
    .split(/^(```[\s\S]*?^```)/m)
    .map((part) =>
      part.startsWith('```')
        ? part
        : part.replaceAll(
            /(!?)\[([^\]]*)\]\(([^)\s]+)\)/g,
            (_, mark: string, words: string, target: string) =>
              `${mark}[${words}](${mark ? imageTarget(target, file) : linkTarget(target, file)})`,
          ),
    )
    .join('')

/** From the folder of the page: docs itself. */
function imageTarget(src: string, file: string): string {
  if (/^[a-z]+:/i.test(src)) return src
  return `./${relative(docs, resolve(dirname(file), src)).replaceAll('\\', '/')}`
}
