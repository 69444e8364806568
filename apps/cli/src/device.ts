/** The options of every command that computes: --device and --verbose. */
import { init, type DeviceName, type DeviceReport } from '@casa-js/tensor'
import { Option } from 'commander'
import { err } from './terminal/colours.ts'

export type DeviceChoice = 'auto' | DeviceName

export interface DeviceFlags {
  device: DeviceChoice
  verbose?: boolean
}

export const deviceOption = () =>
  new Option('--device <device>', 'where to compute').choices(['auto', 'webgpu', 'wasm', 'cpu']).default('auto')

export const verboseOption = () => new Option('--verbose', 'say which device computes, and why')

/** @param print where the device is printed; default stderr, so that stdout holds answers only. */
export async function startDevice(
  { device, verbose }: DeviceFlags,
  print: (line: string) => void = console.error,
): Promise<DeviceReport> {
  // An explicit webgpu is used even if only a software adapter offers it, with a warning: correct, but slow.
  const report = await init({ device, ...(device === 'webgpu' && { software: true }) })
  print(err.dim(describeDevice(report, verbose)))
  return report
}

/** One line: short, or with the adapter and the reason. */
export function describeDevice(report: DeviceReport, verbose = false): string {
  const { device, adapter, reason } = report
  const software = report.software ? ', in software: for tests, not for speed' : ''
  return verbose ? `device: ${device} (${adapter}${software}); ${reason}` : `device: ${device}${software}`
}
