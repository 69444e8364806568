/** The --device option: choose a device, say which and why. */
import { init, type DeviceName, type DeviceReport } from '@casa-js/tensor'
import { Option } from 'commander'
import pc from 'picocolors'

export type DeviceChoice = 'auto' | DeviceName

export const deviceOption = () =>
  new Option('--device <device>', 'where to compute').choices(['auto', 'webgpu', 'wasm', 'cpu']).default('auto')

/** @param print where the chosen device and the reason go; stderr by default, so that stdout holds answers only. */
export async function startDevice(device: DeviceChoice, print: (line: string) => void = console.error): Promise<DeviceReport> {
  // Whoever names webgpu gets it even where only software offers it, and is told so: right, but slow.
  const report = await init({ device, ...(device === 'webgpu' && { software: true }) })
  const software = report.software ? ', in software: for tests, not for speed' : ''
  print(pc.dim(`device: ${report.device} (${report.adapter}${software}); ${report.reason}`))
  return report
}
