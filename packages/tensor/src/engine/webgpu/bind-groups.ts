/**
 * A cache of bind groups by their buffers. Decoding a token uses the same buffers as the token before, so after the first few tokens
 * no new group is made.
 */

/** If buffers keep changing, groups of old buffers would only hold memory: above this many, all are dropped. */
const most = 2048

export class BindGroups {
  private readonly made = new Map<string, GPUBindGroup>()
  private readonly ids = new WeakMap<object, number>()
  private lastId = 0

  constructor(private readonly device: GPUDevice) {}

  /** The group of these buffers, binding 0 first. */
  get(layout: GPUBindGroupLayout, resources: GPUBufferBinding[]): GPUBindGroup {
    const parts = resources.map(({ buffer, offset = 0, size = -1 }) => `${this.idOf(buffer)}:${offset}:${size}`)
    const key = `${this.idOf(layout)}|${parts.join()}`
    let group = this.made.get(key)
    if (!group) {
      if (this.made.size >= most) this.made.clear()
      const entries = resources.map((resource, binding) => ({ binding, resource }))
      this.made.set(key, (group = this.device.createBindGroup({ layout, entries })))
    }
    return group
  }

  private idOf(object: object): number {
    let id = this.ids.get(object)
    if (id === undefined) this.ids.set(object, (id = ++this.lastId))
    return id
  }
}
