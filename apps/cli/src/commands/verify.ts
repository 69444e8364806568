/** `casa verify`: checks outputs and gradients against goldens on this machine's device. */
import { close } from '@casa-js/tensor'
import { verifyGoldens, worstCheck, type GoldenCheck } from '@casa-js/verify'
import { goldensIn, shippedGoldens } from '@casa-js/verify/node'
import type { Command } from 'commander'
import { resolve } from 'node:path'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { out } from '../terminal/colours.ts'

export function register(program: Command): void {
  program
    .command('verify')
    .description('recompute golden folders and compare: the known-answer test of a device')
    .argument(
      '[folders...]',
      'folders with goldens, searched with all their subfolders; without one, the set that comes with casa',
    )
    .addOption(deviceOption())
    .addOption(verboseOption())
    .option('--json', 'print one JSON document instead of lines')
    .option('--all', 'print every tensor, not only the worst of each case')
    .addHelpText(
      'after',
      '\nExamples:\n  casa verify\n  casa verify goldens/ --device wasm\n  casa verify goldens/casa --all\n  casa verify --device webgpu --json',
    )
    .action(run)
}

async function run(folders: string[], options: DeviceFlags & { json?: boolean; all?: boolean }): Promise<void> {
  const report = await startDevice(options, options.json ? () => {} : console.error)
  const checks: GoldenCheck[] = []
  let ofCase: GoldenCheck[] = []
  /** Prints a case when it is over. */
  const endCase = () => {
    const [first, ...rest] = ofCase
    ofCase = []
    if (!first || options.json) return
    const all: [GoldenCheck, ...GoldenCheck[]] = [first, ...rest]
    for (const check of options.all ? all : [worstCheck(all)]) console.log(line(check, all.length))
  }
  try {
    for (const root of folders.length > 0 ? folders.map((f) => resolve(f)) : [shippedGoldens]) {
      for await (const event of verifyGoldens(goldensIn(root), { device: report.device })) {
        if (event.type === 'case') {
          endCase()
          continue
        }
        checks.push(event.check)
        ofCase.push(event.check)
      }
      endCase()
    }
  } finally {
    await close()
  }
  const failures = checks.filter((check) => !check.passed)
  if (options.json) console.log(JSON.stringify({ device: report, passed: failures.length === 0, checks }, null, 1))
  else {
    for (const check of options.all ? [] : failures) console.log(out.red(`  ${check.case}: ${line(check, 1)}`))
    console.log(`${checks.length - failures.length} of ${checks.length} checks within tolerance on ${report.device}`)
  }
  if (failures.length > 0) process.exitCode = 1
}

function line(check: GoldenCheck, of: number): string {
  const mark = check.skipped ? out.yellow('skip') : check.passed ? out.green('ok  ') : out.red('FAIL')
  const error = check.skipped ? '' : `${check.error.toExponential(1)} of ${check.tolerance.toExponential(0)}`
  const count = of > 1 ? out.dim(` (worst of ${of})`) : ''
  const note = check.note ? out.dim('  ' + check.note) : ''
  return `${mark} ${check.case.padEnd(28)} ${check.name.padEnd(24)} ${error}${count}${note}`
}
