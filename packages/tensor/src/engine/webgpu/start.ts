/** Starting the WebGPU backend: an adapter, a device with all that it can do, and tfjs's backend on it. */
import * as tf from '@tensorflow/tfjs-core'
import { openGpu } from '#platform'
import { DeviceUnavailableError } from '@casa-js/base'
import type { InitOptions, StartedDevice } from '../init.ts'
import { cutOversizedTensors } from './oversized.ts'
import { proveFeatures } from './feature-check.ts'

/** The WebGPU entry point, and how to close it. */
export interface OpenGpu {
  gpu: GPU
  close(): void
}

/** Optional features that our kernels use if present, and the one that timing needs. */
const wantedFeatures: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']

/** Limits whose default (WebGPU's minimum) would be too small for a large model. */
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const

/** A GPU if there is one; a software adapter only if asked for by name and allowed. */
export async function startWebgpu(options: InitOptions): Promise<StartedDevice> {
  const { opened, adapter } = await findAdapter(options.device === 'webgpu' && softwareAllowed(options))
  try {
    const features = wantedFeatures.filter((feature) => adapter.features.has(feature))
    const limits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]))
    const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits: limits })
    // Imported lazily, after navigator.gpu is set: tfjs reads it on import.
    const { CasaWebgpuBackend } = await import('./backend.ts')
    cutOversizedTensors()
    // Off, as it would run small operations on the CPU with other kernels than the ones under test.
    tf.env().set('WEBGPU_CPU_FORWARD', false)
    if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu')
    const backend = new CasaWebgpuBackend(device, adapter.info)
    const proven = await proveFeatures(backend)
    tf.registerBackend('webgpu', () => backend)
    return {
      adapter: describe(adapter.info),
      software: isSoftware(adapter.info),
      features: features.filter((feature) => feature === 'timestamp-query' || proven.includes(feature)),
      limits,
      stop: async () => {
        // Dawn crashes when a device is destroyed while it is busy. A lost one has already stopped.
        await device.queue.onSubmittedWorkDone().catch(() => {})
        device.destroy()
        opened.close()
      },
    }
  } catch (error) {
    opened.close()
    throw error
  }
}

async function findAdapter(allowSoftware: boolean): Promise<{ opened: OpenGpu; adapter: GPUAdapter }> {
  const why: string[] = []
  for (const software of allowSoftware ? [false, true] : [false]) {
    try {
      const opened = await openGpu(software)
      const adapter = await opened.gpu.requestAdapter({ powerPreference: 'high-performance' })
      if (adapter && (allowSoftware || !isSoftware(adapter.info))) return { opened, adapter }
      opened.close()
      why.push(adapter ? `only a software adapter (${describe(adapter.info)})` : 'no adapter')
    } catch (error) {
      why.push((error as Error).message)
    }
  }
  const hint = "init({ device: 'webgpu', software: true }) or CASA_SOFTWARE=1 accepts software, for tests"
  throw new DeviceUnavailableError(allowSoftware ? why.join('; ') : `${why.join('; ')}. ${hint}`)
}

const softwareAllowed = ({ software }: InitOptions): boolean => software ?? globalThis.process?.env?.CASA_SOFTWARE === '1'

const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(`${info.architecture} ${info.description}`)

const describe = ({ vendor, architecture, device, description }: GPUAdapterInfo): string =>
  description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed adapter'
