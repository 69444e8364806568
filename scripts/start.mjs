/**
 * `npm start`: from a fresh clone to an answer. Installs, builds, and asks the shipped model about a sample picture.
 * Everything after the installation is offline.
 */
import { root, pnpm, run, step } from './steps.mjs'

const install = await step('install', [...pnpm, 'install', '--frozen-lockfile'])
const built = install.passed && (await step('build', [...pnpm, 'build']))
if (!built || !built.passed) process.exit(1)

const sample = ['apps/cli/samples/sign.png', 'What does it say?']
console.log(`\n$ casa ask ${sample[0]} "${sample[1]}"`)
const { code } = await run(['node', 'apps/cli/dist/bin.js', 'ask', ...sample], { cwd: root, show: true })
process.exit(code)
