/**
 * Records dispatches instead of running them: their pipelines, bind groups and uniforms are made once, for a plan that runs them in every
 * step. The operators' kernels run on it unchanged.
 */
import { CasaError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../engine/tensor.ts'
import type { CasaWebgpuBackend } from '../../engine/webgpu/backend.ts'
import { KernelContext, type Binding } from '../../engine/webgpu/kernel.ts'
import { packUniforms, type Program } from '../../engine/webgpu/program.ts'
import { uniformBytes } from '../../engine/webgpu/uniform-ring.ts'

/** Part of a buffer. */
export interface Place {
  buffer: GPUBuffer
  /** In bytes, a multiple of 256. */
  offset: number
  bytes: number
}

export interface Dispatch {
  pipeline: GPUComputePipeline
  group: GPUBindGroup
  /** Of its uniforms. */
  slot: number
  x: number
  y: number
}

/** A kernel did something that a plan cannot repeat. */
export class CannotRecord extends CasaError {}

const bufferUsage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

/** A tensor is bound in whole vectors, so that programs may write its last one whole. */
const padded = (values: number): number => Math.max(16, Math.ceil(values / 4) * 16)

export class Recorder {
  readonly dispatches: Dispatch[] = []
  readonly buffers: GPUBuffer[] = []
  bytes = 0
  private readonly uniforms: { values: ArrayBuffer }[] = []
  private readonly free = new Map<number, GPUBuffer[]>()
  private readonly places = new WeakMap<object, Place>()
  private readonly uniformBuffer: GPUBuffer
  private readonly slotBytes: number

  /**
   * @param limit dispatches of the step
   * @param reserved dispatches that are recorded later, after `openReserve`
   */
  constructor(
    readonly backend: CasaWebgpuBackend,
    private limit: number,
    private readonly reserved: number,
  ) {
    this.slotBytes = Math.max(uniformBytes, backend.device.limits.minUniformBufferOffsetAlignment)
    this.uniformBuffer = this.createBuffer((limit + reserved) * this.slotBytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
  }

  createBuffer(size: number, usage = bufferUsage()): GPUBuffer {
    const buffer = this.backend.device.createBuffer({ size, usage })
    this.buffers.push(buffer)
    this.bytes += size
    return buffer
  }

  /** Memory for a value, from what was given back if there is some of its size. */
  take(bytes: number): Place {
    return { buffer: this.free.get(bytes)?.pop() ?? this.createBuffer(bytes), offset: 0, bytes }
  }

  takeValues(values: number): Place {
    return this.take(padded(values))
  }

  /** A later dispatch may write it. */
  giveBack(buffer: GPUBuffer): void {
    const list = this.free.get(buffer.size)
    if (list) list.push(buffer)
    else this.free.set(buffer.size, [buffer])
  }

  /** A tensor for kernels that lies at this place. */
  tensorAt(place: Place, shape: number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    const dataId = {}
    this.places.set(dataId, place)
    return { dataId, shape, dtype }
  }

  placeOf(binding: Binding): Place {
    const tensor = 'tensor' in binding ? binding.tensor : binding
    const place = this.places.get(tensor.dataId)
    if (!place) throw new CannotRecord('a kernel uses a tensor that is not of the plan')
    if (!('tensor' in binding)) return { ...place, bytes: Math.max(4, 4 * sizeOf(tensor.shape)) }
    return { buffer: place.buffer, offset: place.offset + 4 * binding.begin, bytes: Math.max(4, 4 * binding.length) }
  }

  record(program: Program, places: Record<string, Place>, uniforms: Record<string, number>, groups: number): void {
    if (groups === 0) return
    const { pipeline, layout } = this.backend.pipeline(program)
    const slot = this.uniforms.length * this.slotBytes
    if (this.uniforms.length >= this.limit) throw new CannotRecord('more dispatches than were foreseen')
    this.uniforms.push({ values: packUniforms(program, { ...uniforms, groups }) })
    const resources: GPUBufferBinding[] = [
      { buffer: this.uniformBuffer, size: uniformBytes },
      ...program.bindings.map(({ name }) => {
        const { buffer, offset, bytes } = places[name]!
        return { buffer, offset, size: bytes }
      }),
    ]
    const entries = resources.map((resource, binding) => ({ binding, resource }))
    const group = this.backend.device.createBindGroup({ layout, entries })
    const y = Math.ceil(groups / this.backend.device.limits.maxComputeWorkgroupsPerDimension)
    this.dispatches.push({ pipeline, group, slot, x: Math.ceil(groups / y), y })
  }

  openReserve(): void {
    this.limit += this.reserved
  }

  /** Write the uniforms of all dispatches recorded so far: once. */
  writeUniforms(): void {
    const staged = new Uint8Array(this.uniforms.length * this.slotBytes)
    this.uniforms.forEach(({ values }, i) => staged.set(new Uint8Array(values), i * this.slotBytes))
    this.backend.device.queue.writeBuffer(this.uniformBuffer, 0, staged)
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy()
  }
}

/** What one kernel of an operator records on. */
export class RecordingContext extends KernelContext<string> {
  readonly scratches: Place[] = []
  /** Where the tensors lie that it made as outputs. */
  readonly outputs = new Map<object, Place>()

  constructor(
    kernelName: string,
    private readonly recorder: Recorder,
    given: Record<string, tf.TensorInfo>,
    /** A host array that lies on the device already: the ids of the step. */
    private readonly resident?: { data: Int32Array; tensor: tf.TensorInfo },
  ) {
    super(kernelName, given, recorder.backend)
  }

  output(shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
    const place = this.recorder.takeValues(sizeOf(shape))
    const tensor = this.recorder.tensorAt(place, shape, dtype)
    this.outputs.set(tensor.dataId, place)
    return tensor
  }

  scratch(shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
    const place = this.recorder.takeValues(sizeOf(shape))
    this.scratches.push(place)
    return this.recorder.tensorAt(place, shape, dtype)
  }

  upload(data: Int32Array | Float32Array): tf.TensorInfo {
    if (data === this.resident?.data) return this.resident.tensor
    const buffer = this.recorder.createBuffer(padded(data.length))
    this.recorder.backend.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    const dtype = data instanceof Int32Array ? 'int32' : 'float32'
    return this.recorder.tensorAt({ buffer, offset: 0, bytes: buffer.size }, [data.length], dtype)
  }

  copy(): void {
    throw new CannotRecord(`${this.kernelName} copies between buffers`)
  }

  clear(): void {
    throw new CannotRecord(`${this.kernelName} clears a buffer`)
  }

  protected dispatch(
    program: Program,
    bindings: Record<string, Binding>,
    uniforms: Record<string, number>,
    groups: number,
  ): void {
    const places = Object.fromEntries(program.bindings.map(({ name }) => [name, this.recorder.placeOf(bindings[name]!)]))
    this.recorder.record(program, places, uniforms, groups)
  }
}
