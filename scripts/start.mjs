/**
 * `npm start`: from a fresh clone to an answer. Installs, builds, and asks the shipped model about a sample picture.
 * Everything after the installation is offline.
 */
import { root, pnpm, run, step } from './steps.mjs'

console.log('Setting up: two steps, a few minutes the first time.')
const install = await step('install the packages (pinned versions, from the npm registry)', [
  ...pnpm,
  'install',
  '--frozen-lockfile',
])
const built = install.passed && (await step('build the packages and the wasm kernels', [...pnpm, 'build']))
if (!built || !built.passed) process.exit(1)

const sample = ['apps/cli/samples/sign.png', 'What does it say?']
console.log(`\n$ npx casa ask ${sample[0]} "${sample[1]}"`)
const { code } = await run(['node', 'apps/cli/bin/casa.js', 'ask', ...sample], { cwd: root, show: true })
if (code !== 0) process.exit(code)
console.log(`
The model that comes with this repository answered. Next:
  npx casa ask your-picture.png "What does it say?"     one of your own
  npx casa --help                                       all commands
  npx casa train examples/own-pictures/run.json         train a small model, about a minute
  npm test                                              everything that must hold`)
