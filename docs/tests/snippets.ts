/** The code blocks of all documents, as files that a compiler and a test can take. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
/** Generated, and inside this package, so that its dependencies resolve. */
export const folder = fileURLToPath(new URL('../.cache/snippets', import.meta.url))

export interface Snippet {
  /** Where it stands, e.g. "packages/casa/README.md:12". */
  at: string
  code: string
  /** Marked ```ts run: complete in itself, and what it logs is written behind `//`. */
  runs: boolean
  file: string
}

/** Every Markdown file that readers are sent to. */
export async function documents(): Promise<string[]> {
  const found: string[] = []
  for (const place of ['.', 'packages/*', 'apps/*', 'recipes/*', 'examples/*', 'docs', 'docs/pages']) {
    const base = place.replace('/*', '')
    const folders = place.endsWith('/*') ? (await readdir(join(root, base))).map((name) => join(base, name)) : [base]
    for (const at of folders) {
      const files = await readdir(join(root, at)).catch(() => [])
      found.push(...files.filter((name) => name.endsWith('.md')).map((name) => join(root, at, name)))
    }
  }
  return found
}

/** Every ```ts block, written to `folder`. */
export async function writeSnippets(): Promise<Snippet[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const snippets: Snippet[] = []
  for (const path of await documents()) {
    const text = await readFile(path, 'utf8')
    for (const match of text.matchAll(/^```ts( run)?\n([\s\S]*?)^```/gm)) {
      const at = `${relative(root, path)}:${text.slice(0, match.index).split('\n').length + 1}`
      const file = join(folder, `${at.replaceAll(/[/:.]/g, '-')}.ts`)
      const code = match[2]
      snippets.push({ at, code: code!, runs: match[1]! !== undefined, file })
      await writeFile(file, `// ${at}\n${code}\nexport {}\n`)
    }
  }
  return snippets
}
