/**
 * `pnpm faults [rounds]`: the faults of the gate many times over. Every command that writes is killed at random moments, disks fill up,
 * servers and files are hostile. 25 rounds unless given: about half an hour on two cores.
 */
import { run } from './steps.mjs'

const [rounds = '25'] = process.argv.slice(2)
if (!/^[1-9]\d*$/.test(rounds)) {
  console.error('usage: pnpm faults [rounds]      rounds is a whole number, 1 or more')
  process.exit(1)
}
const suites = ['apps/cli/src/faults', 'packages/train/src/kill.test.ts', 'packages/weights/src/remote/hostile-server.test.ts']
const vitest = ['npx', 'vitest', 'run', '--project', 'node', ...suites]
const { code } = await run(vitest, { show: true, env: { CASA_FAULTS: rounds } })
const fuzz = await run(['node', 'scripts/fuzz.mjs'], { show: true })
process.exit(code || fuzz.code)
