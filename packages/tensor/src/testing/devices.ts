/**
 * The devices that tests run on: cpu, wasm and webgpu, or those that CASA_DEVICES=cpu,wasm names.
 *
 * WebGPU may be software here (engine/webgpu/gpu.node.ts), unless CASA_SOFTWARE=0. CASA_REQUIRE_WEBGPU=1 makes its absence an error.
 * In a browser the same variables come from vitest.browser.config.ts.
 */
import { init, type DeviceName } from '../engine/init.ts'

export const wantedDevices = (process.env.CASA_DEVICES ?? 'cpu,wasm,webgpu').split(',') as DeviceName[]

/** Start a device for the tests of a file; if it cannot, say why. */
export async function whyMissing(device: DeviceName): Promise<string | undefined> {
  try {
    await init({ device, software: process.env.CASA_SOFTWARE !== '0' })
  } catch (error) {
    if (device === 'webgpu' && process.env.CASA_REQUIRE_WEBGPU === '1') throw error
    return (error as Error).message
  }
}
