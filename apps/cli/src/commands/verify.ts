/** `casa verify`: checks outputs and gradients against goldens on this machine's device. */
import { close } from '@casa-js/tensor'
import type { Command } from 'commander'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { out } from '../terminal/colours.ts'
import { passed, tolerancesOf, type Check } from '../verify/compare.ts'
import { findGoldens, shortName } from '../verify/index.ts'

interface Row extends Check {
  case: string
  kind: string
  passed: boolean
}

/** Goldens that come with the package. */
const shipped = fileURLToPath(new URL('../../goldens', import.meta.url))

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
  const tolerances = tolerancesOf(report.device)
  const rows: Row[] = []
  try {
    for (const root of folders.length > 0 ? folders.map((f) => resolve(f)) : [shipped]) {
      for (const golden of await findGoldens(root)) {
        const own: Row[] = []
        const name = shortName(root, golden.folder)
        try {
          for await (const check of golden.verify(tolerances))
            own.push({ case: name, kind: golden.kind, ...check, passed: passed(check) })
        } catch (error) {
          const note = error instanceof Error ? error.message : String(error)
          own.push({ case: name, kind: golden.kind, name: 'failed', error: NaN, tolerance: 0, note, passed: false })
        }
        rows.push(...own)
        if (!options.json) for (const row of options.all ? own : [worst(own)]) console.log(line(row, own.length))
      }
    }
  } finally {
    await close()
  }
  const failures = rows.filter((row) => !row.passed)
  if (options.json) console.log(JSON.stringify({ device: report, passed: failures.length === 0, checks: rows }, null, 1))
  else {
    for (const row of options.all ? [] : failures) console.log(out.red(`  ${row.case}: ${line(row, 1)}`))
    console.log(`${rows.length - failures.length} of ${rows.length} checks within tolerance on ${report.device}`)
  }
  if (failures.length > 0) process.exitCode = 1
}

/** The failed check, or the one closest to failing. */
function worst(rows: Row[]): Row {
  const strain = (row: Row) =>
    Number.isNaN(row.error) ? Infinity : row.skipped ? -1 : row.error === 0 ? 0 : row.error / row.tolerance
  return rows.reduce((a, b) => (strain(b) > strain(a) ? b : a))
}

function line(row: Row, of: number): string {
  const mark = row.skipped ? out.yellow('skip') : row.passed ? out.green('ok  ') : out.red('FAIL')
  const error = row.skipped ? '' : `${row.error.toExponential(1)} of ${row.tolerance.toExponential(0)}`
  const count = of > 1 ? out.dim(` (worst of ${of})`) : ''
  return `${mark} ${row.case.padEnd(28)} ${row.name.padEnd(24)} ${error}${count}${row.note ? out.dim('  ' + row.note) : ''}`
}
