/** `casa cache`: lists, verifies and clears downloads. */
import type { Command } from 'commander'
import { err, out } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { createProgress } from '../terminal/progress.ts'
import { megabytes } from '../terminal/text.ts'

export function register(program: Command): void {
  const cache = program
    .command('cache')
    .description('list, verify or clear downloaded models')
    .addHelpText(
      'after',
      `
The cache folder is CASA_CACHE, or casa-js in your own cache folder. A damaged file is fetched again when it is next used.

Examples:
  casa cache list
  casa cache verify                       exits 1 when a file is damaged
  casa cache clear Qwen2.5-VL-3B          files whose names contain this
  casa cache clear --all`,
    )
  cache
    .command('list')
    .description('every file, with its size')
    .argument('[text]', 'only files whose names contain this')
    .action(list)
  cache
    .command('verify')
    .description('compare every file with the hash that its download had')
    .argument('[text]', 'only files whose names contain this')
    .action(verify)
  cache
    .command('clear')
    .description('remove files from the cache; nothing else is touched')
    .argument('[text]', 'files whose names contain this')
    .option('--all', 'remove all of them')
    .action(clear)
}

const matching = (text: string | undefined) =>
  text === undefined ? {} : { match: ({ key }: { key: string }) => key.includes(text) }

async function list(text: string | undefined): Promise<void> {
  const { defaultCacheFolder, listCache } = await import('@casa-js/weights/node')
  const files = await listCache(matching(text))
  for (const { key, sizeBytes, isPartial } of files)
    console.log(`${megabytes(sizeBytes).padStart(8)}  ${key}${isPartial ? out.yellow('  not finished') : ''}`)
  console.log(out.bold(summary(files, defaultCacheFolder())))
}

async function verify(text: string | undefined): Promise<void> {
  const { defaultCacheFolder, listCache, verifyCache } = await import('@casa-js/weights/node')
  const interrupt = onInterrupt()
  const files = await listCache(matching(text))
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const progress = createProgress({ format: megabytes, clears: true })
  const counts = { good: 0, damaged: 0, unknown: 0, partial: 0 }
  let done = 0
  try {
    for await (const { key, sizeBytes, state } of verifyCache({ ...matching(text), signal: interrupt.signal })) {
      counts[state]++
      done += sizeBytes
      progress.show(done, total, [key])
      if (state === 'damaged') progress.note(`${err.red('damaged')}  ${key}`)
    }
  } finally {
    progress.stop()
    interrupt.release()
  }
  const others = [
    ...(counts.unknown > 0 ? [`${counts.unknown} kept without a hash by an older version`] : []),
    ...(counts.partial > 0 ? [`${counts.partial} not finished`] : []),
  ]
  console.log(
    `${[`${counts.good} good`, `${counts.damaged} damaged`, ...others].join(', ')}; ${summary(files, defaultCacheFolder())}`,
  )
  if (counts.damaged > 0) {
    console.log('a damaged file is fetched again when it is next used; casa cache clear <text> removes it now')
    process.exitCode = 1
  }
}

async function clear(text: string | undefined, { all = false }: { all?: boolean }, command: Command): Promise<void> {
  if ((text === undefined) !== all) command.error('casa cache clear: name what to remove, or give --all')
  const { clearCache, defaultCacheFolder } = await import('@casa-js/weights/node')
  const files = await clearCache(matching(text))
  console.log(`removed ${summary(files, defaultCacheFolder())}`)
}

function summary(files: readonly { sizeBytes: number }[], folder: string): string {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${megabytes(bytes)}, in ${folder}`
}
