/**
 * tfjs's WebGPU backend, extended to run our own programs: several outputs, ranges of buffers, any WGSL extension. They are
 * recorded into the same command encoder as tfjs's, which preserves order without synchronisation.
 *
 * Members in brackets are private to tfjs 4.22.0, whose version is pinned exactly.
 *
 * tfjs ignores errors that WebGPU reports asynchronously (a lost device, out of memory, a rejected shader). Here the next call throws them.
 */
import * as tf from '@tensorflow/tfjs-core'
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { DeviceError, DeviceLostError, OutOfMemoryError } from '@casa-js/base'
import { BindGroups } from './bind-groups.ts'
import { boundPool } from './pool.ts'
import type { Program, Proven } from './program.ts'
import { uniformBytes, UniformRing } from './uniform-ring.ts'

/** Uploads up to this size are written by the queue. */
const smallBytes = 65_536

export interface Range {
  tensor: tf.TensorInfo
  /** In bytes, a multiple of 256. */
  offset: number
  bytes: number
}

export class CasaWebgpuBackend extends WebGPUBackend {
  private readonly pipelines = new Map<Program, { pipeline: GPUComputePipeline; layout: GPUBindGroupLayout }>()
  private failure: Error | undefined
  private empty: GPUBuffer | undefined
  private readonly ring: UniformRing
  private readonly bindGroups: BindGroups
  private readonly trimPool: () => void
  /** The most bytes that one binding may hold. Tests lower it. */
  bindingBytes: number
  /** The most storage buffers that a program may have. Tests lower it. */
  storageBuffers: number
  /** Optional WebGPU features that programs may use: set once a check on the device has passed. */
  readonly proven: Proven = { subgroups: false, f16: false, unpack: false }

  constructor(device: GPUDevice, adapterInfo: GPUAdapterInfo) {
    super(device, adapterInfo)
    this.bindingBytes = device.limits.maxStorageBufferBindingSize
    this.storageBuffers = device.limits.maxStorageBuffersPerShaderStage
    this.trimPool = boundPool(this.bufferManager)
    this.ring = new UniformRing(device)
    this.bindGroups = new BindGroups(device)
    device.lost.then(({ reason, message }) => {
      this.failure = new DeviceLostError(`the WebGPU device was lost (${reason}): ${message}. close(), init() and load again.`)
    })
    device.addEventListener('uncapturederror', ({ error }) => {
      const outOfMemory = error instanceof GPUOutOfMemoryError
      this.failure ??= outOfMemory
        ? new OutOfMemoryError(`WebGPU: ${error.message}. Use a smaller batch, or keep fewer tensors.`)
        : new DeviceError(`WebGPU: ${error.message}`)
    })
  }

  /** @throws the error that the device reported since the last call; device loss persists; other errors are thrown once. */
  checkDevice(): void {
    const { failure } = this
    if (!failure) return
    if (!(failure instanceof DeviceLostError)) this.failure = undefined
    throw failure
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    this.checkDevice()
    try {
      return await super.read(dataId)
    } finally {
      this.checkDevice()
    }
  }

  /** @throws DeviceError if one of tfjs's programs, which bind whole tensors, gets one that is too large: WebGPU itself would report it only later. */
  override runWebGPUProgram(...call: Parameters<WebGPUBackend['runWebGPUProgram']>): tf.TensorInfo {
    const [program, inputs] = call
    for (const shape of [program.outputShape, ...inputs.map((input) => input.shape)]) {
      const bytes = 4 * tf.util.sizeFromShape(shape)
      if (!(bytes > this.bindingBytes)) continue
      const what = `${program.constructor.name} takes a tensor of shape [${shape}], ${bytes} bytes`
      throw new DeviceError(`WebGPU: ${what}, but this device binds at most ${this.bindingBytes}`)
    }
    return super.runWebGPUProgram(...call)
  }

  override submitQueue(): void {
    this.ring.flush()
    super.submitQueue()
    this.trimPool()
  }

  override uploadToGPU(dataId: object): void {
    const { shape, dtype, resource } = this.tensorMap.get(dataId)
    const bytes = 4 * tf.util.sizeFromShape(shape)
    const most = this.device.limits.maxBufferSize
    if (!resource && bytes > most) {
      const what = `a ${dtype} tensor of shape [${shape}] takes ${bytes} bytes`
      throw new OutOfMemoryError(`WebGPU: ${what}, a buffer of this device holds at most ${most}`)
    }
    if (this.writeSmall(dataId, bytes)) return
    try {
      super.uploadToGPU(dataId)
    } catch (error) {
      // createBuffer throws this when mapped memory cannot be allocated.
      if (error instanceof RangeError) throw new OutOfMemoryError(`WebGPU: no room for ${bytes} bytes: ${error.message}`)
      throw error
    }
  }

  /** The queue writes the values of a small tensor into a buffer from the pool; tfjs would create and destroy a staging buffer. */
  private writeSmall(dataId: object, bytes: number): boolean {
    const data = this.tensorMap.get(dataId)
    const values = data.values as Float32Array | Int32Array | Uint8Array | null
    if (data.resource || !values || bytes === 0 || bytes > smallBytes) return false
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = this.bufferManager.acquireBuffer(bytes, usage)
    const words = data.dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values)
    this.queue.writeBuffer(buffer, 0, words)
    data.resource = buffer
    data.values = null as never
    return true
  }

  /** Copy a host array into a tensor that no recorded program uses yet: the copy runs before everything recorded. */
  writeHost(tensor: tf.TensorInfo, data: Int32Array | Float32Array): void {
    this.uploadToGPU(tensor.dataId)
    const { resource } = this.tensorMap.get(tensor.dataId)
    this.queue.writeBuffer(resource as GPUBuffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  }

  /** Record a copy; `at` and `bytes` are multiples of 4. */
  copy(from: tf.TensorInfo, to: tf.TensorInfo, at: number, bytes: number): void {
    const [source, target] = [this.buffer(from, false), this.buffer(to, true)]
    this.encoderOutsidePass().copyBufferToBuffer(source, 0, target, at, bytes)
  }

  /** Record filling with zeros. */
  clear(tensor: tf.TensorInfo): void {
    const buffer = this.buffer(tensor, true)
    this.encoderOutsidePass().clearBuffer(buffer)
  }

  private encoderOutsidePass(): GPUCommandEncoder {
    this.checkDevice()
    this.ensureCommandEncoderReady()
    this.endComputePassEncoder()
    return this['commandEncoder']!
  }

  /** Record one dispatch. Bindings and uniforms as the program lists them. */
  dispatch(program: Program, bindings: Range[], uniforms: ArrayBuffer, groups: number): void {
    this.checkDevice()
    const { pipeline, layout } = this.pipeline(program)
    const uniform = { buffer: this.ring.buffer, size: uniformBytes }
    const bound = bindings.map((range, i) => this.bind(range, program.bindings[i]!.written))
    const bindGroup = this.bindGroups.get(layout, [uniform, ...bound])
    this.ensureCommandEncoderReady()
    const pass = (this['computePassEncoder'] ??= this['commandEncoder']!.beginComputePass())
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindGroup, [this.ring.add(uniforms)])
    const y = Math.ceil(groups / this.device.limits.maxComputeWorkgroupsPerDimension)
    pass.dispatchWorkgroups(Math.ceil(groups / y), y)
    if (++this['dispatchCountInPass'] >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE') || this.ring.full) {
      this.endComputePassEncoder()
      this.submitQueue()
    }
  }

  /** The program's pipeline, made on first use. */
  pipeline(program: Program): { pipeline: GPUComputePipeline; layout: GPUBindGroupLayout } {
    let made = this.pipelines.get(program)
    if (!made) {
      const module = this.device.createShaderModule({ label: program.name, code: program.source(this.proven) })
      const layout = this.device.createBindGroupLayout({ entries: layoutOf(program) })
      const pipelineLayout = this.device.createPipelineLayout({ bindGroupLayouts: [layout] })
      const pipeline = this.device.createComputePipeline({ label: program.name, layout: pipelineLayout, compute: { module } })
      this.pipelines.set(program, (made = { pipeline, layout }))
    }
    return made
  }

  /** Submit everything recorded so far, so that what the caller submits next runs after it. */
  flush(): void {
    this.checkDevice()
    if (!this['commandEncoder']) return
    this.endComputePassEncoder()
    this.submitQueue()
  }

  /** A tensor's buffer, for programs that are recorded elsewhere and submitted after `flush`. */
  bufferOf(dataId: object): GPUBuffer {
    this.uploadToGPU(dataId)
    return this.tensorMap.get(dataId).resource as GPUBuffer
  }

  /** A tensor was written behind tfjs's back: values that were read earlier are stale. */
  forgetValues(dataId: object): void {
    this.tensorMap.get(dataId).values = null as never
  }

  private bind({ tensor, offset, bytes }: Range, written: boolean): GPUBufferBinding {
    // WebGPU has no empty bindings; a kernel never reads the placeholder.
    if (bytes === 0) {
      this.empty ??= this.device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE })
      return { buffer: this.empty }
    }
    return { buffer: this.buffer(tensor, written), offset, size: bytes }
  }

  /** The tensor's buffer, held until what is being recorded has been submitted. */
  private buffer(tensor: tf.TensorInfo, written: boolean): GPUBuffer {
    this.uploadToGPU(tensor.dataId)
    const data = this.tensorMap.get(tensor.dataId)
    // Values read back earlier are cached with the buffer: writing makes them stale.
    if (written) data.values = null as never
    this['commandQueueOwnedIds'].add(tensor.dataId)
    return data.resource as GPUBuffer
  }

  override dispose(): void {
    // Dawn crashes when it garbage-collects a pass that was never ended and whose device is gone.
    if (this['commandEncoder'] && !(this.failure instanceof DeviceLostError)) {
      this.endComputePassEncoder()
      this.submitQueue()
    }
    this.empty?.destroy()
    this.ring.destroy()
    super.dispose()
  }
}

/** Uniforms at an offset that each dispatch gives, then the program's bindings. */
function layoutOf(program: Program): GPUBindGroupLayoutEntry[] {
  const visibility = GPUShaderStage.COMPUTE
  const uniforms = { binding: 0, visibility, buffer: { type: 'uniform', hasDynamicOffset: true } } as const
  const storage = program.bindings.map(
    ({ written }, i) => ({ binding: i + 1, visibility, buffer: { type: written ? 'storage' : 'read-only-storage' } }) as const,
  )
  return [uniforms, ...storage]
}
