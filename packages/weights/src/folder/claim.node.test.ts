import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commitAfter } from '../bytes/sink.ts'
import type { FolderSink } from '../bytes/folder.ts'
import { claimFolder } from './claim.node.ts'
import { folderMark, markText } from './mark.ts'
import { replacedPath } from './replaced.node.ts'
import { writeFolderWhole } from './whole.node.ts'

let root: string
let out: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'casa-claim-'))
  out = join(root, 'out')
})
afterEach(() => rm(root, { recursive: true }))

const kind = 'training run'

async function folderOf(files: Record<string, string>): Promise<void> {
  await mkdir(out)
  for (const [name, text] of Object.entries(files)) await writeFile(join(out, name), text)
}

async function put(folder: FolderSink, name: string, text: string): Promise<void> {
  const sink = await folder.create(name)
  await commitAfter(sink, () => sink.write(new TextEncoder().encode(text)))
}

describe('claiming a folder', () => {
  it('takes a new folder, and writes nothing before it is marked', async () => {
    const claim = await claimFolder(out, { kind })
    expect(claim.state).toBe('new')
    expect(await readdir(root)).toEqual([])
    await claim.mark()
    expect((await claimFolder(out, { kind })).state).toBe('marked')
  })

  it('takes an empty folder', async () => {
    await mkdir(out)
    expect((await claimFolder(out, { kind })).state).toBe('empty')
  })

  it('refuses a folder that it did not make, and says what force would replace', async () => {
    await folderOf({ 'notes.txt': 'mine', 'metrics.jsonl': 'mine' })
    await expect(claimFolder(out, { kind, writes: ['metrics.jsonl', 'model'] })).rejects.toThrow(
      /holds metrics.jsonl, notes.txt.*--force: it replaces metrics.jsonl and leaves the rest/,
    )
    expect((await claimFolder(out, { kind, force: true })).state).toBe('forced')
  })

  it('refuses a folder of another kind, and one of its own where outputs are written once', async () => {
    await folderOf({ [folderMark]: markText({ kind: 'captions' }), 'a.srt': '' })
    await expect(claimFolder(out, { kind })).rejects.toThrow('a folder of kind "captions"')
    await expect(claimFolder(out, { kind: 'captions', reuse: false })).rejects.toThrow('Choose a new or an empty folder')
  })

  it('counts a broken mark as none', async () => {
    await folderOf({ [folderMark]: '{"kind": 3}' })
    await expect(claimFolder(out, { kind })).rejects.toThrow('casa did not make')
  })

  it('refuses a file, and a path through a file', async () => {
    await writeFile(out, 'mine')
    await expect(claimFolder(out, { kind, force: true })).rejects.toThrow('not a folder')
    await expect(claimFolder(join(out, 'deeper'), { kind, force: true })).rejects.toThrow('not a folder')
  })

  it('never takes what is read, also by another name or from around it', async () => {
    await folderOf({ 'config.json': '{}' })
    const link = join(root, 'link')
    await symlink(out, link)
    for (const target of [out, link, root]) {
      await expect(claimFolder(target, { kind, force: true, inputs: [out] })).rejects.toThrow('which is read')
    }
    expect((await claimFolder(join(out, 'inside'), { kind, inputs: [out] })).state).toBe('new')
  })
})

describe('writing a folder whole', () => {
  it('appears at the end, whole', async () => {
    await writeFolderWhole(out, { kind }, async (folder) => {
      await put(folder, 'a', '1')
      expect(await readdir(root)).not.toContain('out')
    })
    expect((await readdir(out)).sort()).toEqual(['a', folderMark])
    expect(await readdir(root)).toEqual(['out'])
  })

  it('leaves what was there when writing fails', async () => {
    await folderOf({ a: 'old', [folderMark]: markText({ kind }) })
    const failing = writeFolderWhole(out, { kind }, async (folder) => {
      await put(folder, 'a', 'new')
      throw new Error('disk full')
    })
    await expect(failing).rejects.toThrow('disk full')
    expect(await readFile(join(out, 'a'), 'utf8')).toBe('old')
    expect(await readdir(root)).toEqual(['out'])
  })

  it('replaces its own files and keeps those of others', async () => {
    await folderOf({
      [folderMark]: markText({ kind, files: { 'shard-1': {}, a: {} } }),
      'shard-1': 'old',
      a: 'old',
      'notes.txt': 'mine',
    })
    await writeFolderWhole(out, { kind }, (folder) => put(folder, 'a', 'new'))
    expect((await readdir(out)).sort()).toEqual(['a', folderMark, 'notes.txt'])
    expect(await readFile(join(out, 'a'), 'utf8')).toBe('new')
  })

  it.each(['before the new folder is there', 'after it is'])('loses nothing to a process that was killed %s', async (when) => {
    await folderOf({ a: 'old', 'notes.txt': 'mine', [folderMark]: markText({ kind, files: { a: {} } }) })
    await rename(out, replacedPath(out))
    if (when === 'after it is') await folderOf({ a: 'new', [folderMark]: markText({ kind, files: { a: {} } }) })
    expect((await claimFolder(out, { kind })).holds).toEqual(['a', 'notes.txt'])
    expect(await readFile(join(out, 'a'), 'utf8')).toBe(when === 'after it is' ? 'new' : 'old')
    expect(await readdir(root)).toEqual(['out'])
  })
})
