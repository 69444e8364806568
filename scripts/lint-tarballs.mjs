/**
 * publint and attw on packed tarballs, in one process, because attw's compiler takes seconds to load:
 * node scripts/lint-tarballs.mjs a.tgz b.tgz
 * Prints a line a tarball and every problem; exits 1 if there is one. Also refuses tests, fixtures and build state in a tarball.
 */
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { filterProblems, problemKindInfo } from '@arethetypeswrong/core/problems'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

/** The packages are ES modules: what resolves them as anything else is not asked. */
const resolutions = ['node16-esm', 'bundler']
const unwanted = /\.(test|bench)\.|\/fixtures\/|\.tsbuildinfo$/

async function problemsOf(path) {
  const bytes = readFileSync(path)
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
  const contents = createPackageFromTarballData(new Uint8Array(tarball))
  const found = messages.map((message) => `publint: ${formatMessage(message, pkg)}`)
  found.push(
    ...contents
      .listFiles()
      .filter((file) => unwanted.test(file))
      .map((file) => `not for publishing: ${file}`),
  )
  // A package that is only a command has no types to check.
  if (!pkg.exports) return found
  const analysis = await checkPackage(contents)
  for (const resolutionKind of resolutions) {
    const problems = analysis.types ? filterProblems(analysis, { resolutionKind }) : [{ kind: 'NoTypes' }]
    found.push(...problems.map(({ kind }) => `attw, ${resolutionKind}: ${problemKindInfo[kind]?.title ?? 'no types'}`))
  }
  return found
}

for (const path of process.argv.slice(2)) {
  const problems = await problemsOf(path)
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${basename(path)}`)
  for (const problem of problems) console.log(`       ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}
