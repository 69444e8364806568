/** What a planned step leaves on the device, logits as a rule, and what is read of them. */
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { best } from '../../ops/top-k/webgpu.ts'
import { largestOf, likeliestOf, type Largest, type PlanResult } from '../plan.ts'
import { RecordingContext, type Dispatch, type Place, type Recorder } from './recorder.ts'

export interface Copy {
  from: Place
  to: GPUBuffer
  at: number
}

/** Run dispatches, then copies, in one command buffer. */
export function submit(device: GPUDevice, dispatches: readonly Dispatch[], copies: readonly Copy[] = []): void {
  const encoder = device.createCommandEncoder()
  if (dispatches.length > 0) {
    const pass = encoder.beginComputePass()
    for (const { pipeline, group, slot, x, y } of dispatches) {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group, [slot])
      pass.dispatchWorkgroups(x, y)
    }
    pass.end()
  }
  for (const { from, to, at } of copies) encoder.copyBufferToBuffer(from.buffer, from.offset, to, at, from.bytes)
  device.queue.submit([encoder.finish()])
}

interface Picker {
  dispatches: readonly Dispatch[]
  values: Place
  ids: Place
}

/** Different numbers of largest logits that are selected on the device; more of them are selected on the host. */
export const mostPickers = 8
/** Dispatches of one: parts of the vocabulary, then all of it. */
export const dispatchesOfPicker = 2

export class StepResult implements PlanResult {
  private readonly pickers = new Map<number, Picker>()
  /** Buffers that the host maps, by their size. */
  private readonly staging = new Map<number, GPUBuffer>()
  private reading: Promise<unknown> = Promise.resolve()
  /** V */
  private readonly width: number

  constructor(
    private readonly recorder: Recorder,
    private readonly place: Place,
    private readonly shape: number[],
  ) {
    this.width = sizeOf(shape)
  }

  tensor(): Tensor {
    const { backend } = this.recorder
    const copy = backend.makeTensorInfo(this.shape, 'float32')
    backend.flush()
    submit(backend.device, [], [{ from: { ...this.place, bytes: 4 * this.width }, to: backend.bufferOf(copy.dataId), at: 0 }])
    return tf.engine().makeTensorFromTensorInfo(copy)
  }

  async logits(): Promise<Float32Array> {
    return new Float32Array(await this.read([], [{ ...this.place, bytes: 4 * this.width }]))
  }

  /** By topK's kernel. */
  async largest(count: number): Promise<Largest> {
    const k = Math.min(count, this.width)
    const picker = this.picker(k)
    if (!picker) return largestOf(await this.logits(), k)
    const { dispatches, values, ids } = picker
    const found = await this.read(dispatches, [
      { ...values, bytes: 4 * k },
      { ...ids, bytes: 4 * k },
    ])
    const chosen = new Int32Array(found, 4 * k)
    // Where logits are not numbers the kernel gives ids that do not exist.
    const missing = chosen.findIndex((id) => id >= this.width)
    const length = missing < 0 ? k : missing
    return { values: new Float32Array(found, 0, length), ids: chosen.subarray(0, length) }
  }

  /** By the same kernel, of which only the id is read. */
  async likeliest(): Promise<number | undefined> {
    const picker = this.picker(1)
    if (!picker) return likeliestOf(await this.logits())
    const [id] = new Int32Array(await this.read(picker.dispatches, [{ ...picker.ids, bytes: 4 }]))
    return id! < this.width ? id : undefined
  }

  /** Made for each k; undefined when there is no room for more. */
  private picker(k: number): Picker | undefined {
    let picker = this.pickers.get(k)
    if (!picker && this.pickers.size < mostPickers) this.pickers.set(k, (picker = this.recordPicker(k)))
    return picker
  }

  private recordPicker(k: number): Picker {
    const { recorder, width } = this
    const before = recorder.dispatches.length
    const [values, ids] = [recorder.takeValues(k), recorder.takeValues(k)]
    const context = new RecordingContext('TopK', recorder, {})
    const out = { values: recorder.tensorAt(values, [1, k]), indices: recorder.tensorAt(ids, [1, k], 'int32') }
    best(context, recorder.tensorAt(this.place, [1, width]), { rows: 1, width, k }, out)
    recorder.writeUniforms()
    return { dispatches: recorder.dispatches.slice(before), values, ids }
  }

  /** Run dispatches, and copy these places to the host. One read at a time: they share buffers. */
  private read(dispatches: readonly Dispatch[], places: Place[]): Promise<ArrayBuffer> {
    const next = this.reading.then(() => this.readNow(dispatches, places))
    this.reading = next.catch(() => {})
    return next
  }

  private async readNow(dispatches: readonly Dispatch[], places: Place[]): Promise<ArrayBuffer> {
    const { backend } = this.recorder
    const size = places.reduce((sum, { bytes }) => sum + bytes, 0)
    let buffer = this.staging.get(size)
    if (!buffer) {
      buffer = this.recorder.createBuffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
      this.staging.set(size, buffer)
    }
    let end = 0
    const copies = places.map((from) => ({ from, to: buffer, at: (end += from.bytes) - from.bytes }))
    submit(backend.device, dispatches, copies)
    try {
      await buffer.mapAsync(GPUMapMode.READ)
      const values = buffer.getMappedRange().slice(0)
      buffer.unmap()
      return values
    } finally {
      // Of a failure the device's own report is the cause.
      backend.checkDevice()
    }
  }
}
