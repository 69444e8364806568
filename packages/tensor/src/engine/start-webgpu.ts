/** Starting the WebGPU backend. */
import { DeviceUnavailableError } from './errors.ts'
import type { InitOptions, StartedDevice } from './init.ts'

export async function startWebgpu(_options: InitOptions): Promise<StartedDevice> {
  throw new DeviceUnavailableError('not wired yet')
}
