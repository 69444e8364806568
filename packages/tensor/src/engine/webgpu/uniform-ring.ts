/**
 * Uniforms of dispatches that are recorded but not yet submitted: slots of one buffer, selected by a dynamic offset. They are written
 * to the device in one write before each submit, and no bind group depends on them.
 */

/** Bytes that every program's uniforms fit in. */
export const uniformBytes = 128
/** More than tfjs records before it submits, unless a queue is never flushed. */
const slots = 64

export class UniformRing {
  readonly buffer: GPUBuffer
  private readonly slotBytes: number
  private readonly staged: Uint8Array<ArrayBuffer>
  private used = 0

  constructor(private readonly device: GPUDevice) {
    this.slotBytes = Math.max(uniformBytes, device.limits.minUniformBufferOffsetAlignment)
    this.staged = new Uint8Array(slots * this.slotBytes)
    this.buffer = device.createBuffer({ size: this.staged.length, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
  }

  get full(): boolean {
    return this.used === slots
  }

  /** Store the values for the next dispatch. Returns their offset. */
  add(values: ArrayBuffer): number {
    const offset = this.used++ * this.slotBytes
    this.staged.set(new Uint8Array(values), offset)
    return offset
  }

  /** Write everything added since the last flush, and start over: the queue runs a later write after earlier submits. */
  flush(): void {
    if (this.used > 0) this.device.queue.writeBuffer(this.buffer, 0, this.staged, 0, this.used * this.slotBytes)
    this.used = 0
  }

  destroy(): void {
    this.buffer.destroy()
  }
}
