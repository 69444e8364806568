/**
 * `npm test`: what a fresh clone must pass. Installs, builds, checks types, laws and packages, runs every test and the main job.
 * Ends with "N passed, N failed".
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBrowser, ensureVideoTools } from './browser.mjs'
import { pnpm, root, run, step } from './steps.mjs'

let passedCount = 0
let failedCount = 0
let skippedCount = 0

async function check(name, command, options) {
  const result = await step(name, command, options)
  if (result.passed) passedCount++
  else failedCount++
  return result.passed
}

function finish() {
  console.log(`${passedCount} passed, ${failedCount} failed${skippedCount > 0 ? `, ${skippedCount} skipped` : ''}`)
  process.exit(failedCount === 0 ? 0 : 1)
}

if (!(await check('install', [...pnpm, 'install', '--frozen-lockfile']))) finish()
await ensureBrowser()
await ensureVideoTools()
if (!(await check('build (compiles kernels, checks types)', [...pnpm, 'build']))) finish()
await check('the public API: documented, and as api/ has it', ['node', 'scripts/api-reports.mjs', '--check'])
await check('NOTICE: what is shipped of others, up to date', ['node', 'scripts/notice.mjs', '--check'])
await check('lint and package laws', [...pnpm, 'lint'])
await check('the main job: ask the shipped model', ['node', 'scripts/start.mjs'])
await check('casa verify, the shipped known answers, on wasm', ['node', 'apps/cli/bin/casa.js', 'verify', '--device', 'wasm'])

const report = join(root, 'node_modules', '.vitest-report.json')
rmSync(report, { force: true })
console.log('tests:')
await run(['npx', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`], { show: true })
try {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  passedCount += numPassedTests
  skippedCount += numPendingTests
  // A file that fails to load holds no test, but it is a failure.
  failedCount +=
    numFailedTests + testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
} catch {
  console.log('the test run wrote no report')
  failedCount++
}
await check('packed packages install and run in an empty project; publint, attw', ['node', 'scripts/check-packages.mjs'])
finish()
