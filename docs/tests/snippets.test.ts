import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { shown } from '../src/shown.ts'
import { documents, folder, root, writeSnippets } from './snippets.ts'

const snippets = await writeSnippets()

describe('examples in documents', () => {
  it('fit the types of the sources', { timeout: 180_000 }, async () => {
    const tsconfig = {
      extends: '../../../tsconfig.base.json',
      // A reader's own project need not check indexing.
      compilerOptions: { composite: false, noEmit: true, noUncheckedIndexedAccess: false },
      files: ['../../tests/given.d.ts'],
      include: ['*.ts', '../../../packages/*/src/*.d.ts'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
      (error) => error as { stdout: string },
    )
    // Errors of the sources themselves are the type check's to report.
    expect(stdout.split('\n').filter((line) => line.includes('.cache/snippets'))).toEqual([])
    expect(snippets.length).toBeGreaterThan(10)
  })

  it.each(snippets.filter(({ runs }) => runs))('$at prints what it says', async ({ code, file }) => {
    const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1])
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    try {
      await import(pathToFileURL(file).href)
      expect(log.mock.calls.map((values) => values.map(shown).join(' '))).toEqual(expected)
    } finally {
      log.mockRestore()
    }
  })
})

it('links between documents lead somewhere', async () => {
  const broken: string[] = []
  for (const path of await documents()) {
    for (const [, target] of (await readFile(path, 'utf8')).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      // The demo is built beside the site.
      if (/^[a-z]+:/.test(target!) || target === '/demo/') continue
      if (!existsSync(join(path, '..', target!))) broken.push(`${path.slice(root.length)}: ${target}`)
    }
  }
  expect(broken).toEqual([])
})

it('code that stands in a file of its own is the same in both', async () => {
  let count = 0
  for (const path of await documents()) {
    const text = await readFile(path, 'utf8')
    for (const [, file, code] of text.matchAll(/^<!-- (\S+\.\w+) -->\n\n```\w+\n([\s\S]*?)^```/gm)) {
      count++
      expect(code, `${path.slice(root.length)} beside ${file}`).toBe(await readFile(join(root, file!), 'utf8'))
    }
  }
  expect(count).toBeGreaterThan(3)
})
