/** Runs the same tests on every available device. */
import { close, init, type DeviceName } from '@casa-js/tensor'
import { afterAll, beforeAll, describe } from 'vitest'

/** Tests accept a software WebGPU adapter; CASA_SOFTWARE=0 refuses it. */
const start = (device: DeviceName) => init({ device, software: process.env.CASA_SOFTWARE !== '0' })

const wanted = (process.env.CASA_DEVICES ?? 'cpu,wasm,webgpu').split(',') as DeviceName[]

export interface DeviceTolerances {
  device: DeviceName
  /** Largest relative error of a forward pass in float32, and of a gradient. */
  forward: number
  gradient: number
}

/**
 * One `describe` block per device. CASA_DEVICES=cpu,wasm restricts the devices; one that cannot start is skipped with its reason in
 * the title. Await it at the top of a test file.
 */
export async function describeOnDevices(title: string, tests: (device: DeviceTolerances) => void): Promise<void> {
  for (const device of wanted) {
    const missing = await start(device).then(
      () => undefined,
      (error: Error) => error.message,
    )
    describe.skipIf(missing)(`${title} on ${device}${missing ? ` (${missing})` : ''}`, () => {
      beforeAll(async () => void (await start(device)))
      afterAll(close)
      tests({ device, forward: device === 'webgpu' ? 1e-4 : 1e-5, gradient: 1e-4 })
    })
  }
}
