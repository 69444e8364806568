/**
 * A plan on WebGPU: pipelines, bind groups, buffers and uniforms are made once. A step writes the token's id, the step's number and, for
 * each growing attention, the number of keys; then it submits one command buffer. Nothing is created on the device.
 */
import { sizeOf } from '../../engine/tensor.ts'
import { hold } from '../../engine/held.ts'
import type { CasaWebgpuBackend } from '../../engine/webgpu/backend.ts'
import { best } from '../../ops/top-k/webgpu.ts'
import { ropeAngles, type RopeTableAttributes } from '../../ops/rope/table.ts'
import { at, NoPlan, type Operand, type PlanNode, type StepNodes, type Value } from '../nodes.ts'
import type { Largest, Plan, PlanResult } from '../plan.ts'
import { recordAttention, type KeyBlocks } from './attention.ts'
import { groupNodes, type Group, type Job, type PlaceGroup, type ProductGroup, type SingleGroup } from './groups.ts'
import { placeLanes, placeProgram, type PlaceUniforms, type Placing } from './place-program.ts'
import { outputsPerGroup, productProgram } from './product-program.ts'
import { CannotRecord, Recorder, RecordingContext, type Dispatch, type Place } from './recorder.ts'

/** Steps whose angles are on the device at a time. */
const tableSteps = 1024
/** Uniform slots beside one for each node: for kernels that cut their work, and for choosing tokens. */
const spareSlots = 64
/** Ids, the step, and the step's row in the tables of angles. */
const stepWords = 4

export function planOnWebgpu(step: StepNodes, backend: CasaWebgpuBackend): Plan | NoPlan {
  const fits = (value: Value) => 4 * sizeOf(value.shape) <= backend.bindingBytes
  const groups = groupNodes(step, backend.storageBuffers, fits)
  if (groups instanceof NoPlan) return groups
  const recorder = new Recorder(backend, 2 * groups.length + spareSlots)
  try {
    return new WebgpuPlan(step, groups, recorder)
  } catch (error) {
    recorder.destroy()
    if (error instanceof CannotRecord) return new NoPlan(error.message)
    throw error
  }
}

interface Table {
  node: PlanNode
  /** In vectors, of its first row in the buffer of tables. */
  at: number
  /** Vectors of a row: cos, then sin. */
  row: number
}

class WebgpuPlan implements Plan {
  readonly lastStep: number
  private readonly backend: CasaWebgpuBackend
  private readonly places = new Map<Value, Place>()
  /** How many values that are still needed lie in a buffer. */
  private readonly alive = new Map<GPUBuffer, number>()
  private readonly tables = new Map<Value, Table>()
  private tableBuffer: GPUBuffer | undefined
  /** The first of the steps whose angles are on the device. */
  private tablesFrom = -1
  private readonly stepBuffer: GPUBuffer
  private readonly keyBlocks: KeyBlocks[] = []
  private readonly written: object[]
  private readonly dispatches: readonly Dispatch[]
  private readonly result: Place
  private readonly width: number
  private readonly pickers = new Map<number, { dispatches: readonly Dispatch[]; values: Place; ids: Place }>()
  private readonly staging = new Map<number, GPUBuffer>()
  private reading: Promise<unknown> = Promise.resolve()
  private readonly release: () => void
  private disposed = false

  constructor(
    { nodes, result, lastStep }: StepNodes,
    groups: readonly Group[],
    private readonly recorder: Recorder,
  ) {
    this.backend = recorder.backend
    this.lastStep = lastStep
    this.width = sizeOf(result.shape)
    this.stepBuffer = recorder.createBuffer(4 * stepWords)
    this.layTables(nodes)
    const lastUse = lastUses(groups)
    for (const [index, group] of groups.entries()) {
      this.place(group)
      this.record(group)
      for (const value of lastUse.get(index) ?? []) if (value !== result) this.free(value)
    }
    this.dispatches = recorder.dispatches.slice()
    this.result = this.placeOf({ value: result })
    this.written = nodes.flatMap(({ kernel, inputs }) => (kernel === 'WriteRows' ? [inputs.target!.value.external!] : []))
    recorder.writeUniforms()
    this.release = hold(recorder.bytes)
  }

  run(step: number, id: number): PlanResult {
    const { device } = this.backend
    this.backend.flush()
    device.queue.writeBuffer(this.stepBuffer, 0, Uint32Array.of(id, step, step % tableSteps))
    for (const { buffer, listAt } of this.keyBlocks) device.queue.writeBuffer(buffer, 0, listAt(step))
    if (Math.floor(step / tableSteps) * tableSteps !== this.tablesFrom) this.fillTables(step)
    for (const dataId of this.written) this.backend.forgetValues(dataId)
    this.submit(this.dispatches)
    return { logits: () => this.logits(), largest: (count) => this.largest(count) }
  }

  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    this.recorder.destroy()
    this.release()
  }

  /** Memory for what a group makes. Products of one dispatch lie in one buffer. */
  private place(group: Group): void {
    if (group.kind === 'product') {
      const sizes = group.outputs.map(({ shape }) => 256 * Math.ceil(sizeOf(shape) / 64))
      const { buffer } = this.recorder.take(sizes.reduce((sum, bytes) => sum + bytes, 0))
      let offset = 0
      for (const [i, value] of group.outputs.entries()) {
        this.hold(value, { buffer, offset, bytes: sizes[i]! })
        offset += sizes[i]!
      }
    } else for (const value of group.outputs) this.hold(value, this.recorder.takeValues(sizeOf(value.shape)))
  }

  private hold(value: Value, place: Place): void {
    this.places.set(value, place)
    this.alive.set(place.buffer, (this.alive.get(place.buffer) ?? 0) + 1)
  }

  private free(value: Value): void {
    const { buffer } = this.places.get(value)!
    const rest = this.alive.get(buffer)! - 1
    this.alive.set(buffer, rest)
    if (rest === 0) this.recorder.giveBack(buffer)
  }

  private placeOf({ value }: Pick<Operand, 'value'>): Place {
    if (value.external) return { buffer: this.backend.bufferOf(value.external), offset: 0, bytes: 4 * sizeOf(value.shape) }
    const place = this.places.get(value)
    if (!place) throw new CannotRecord('a value is read before it is made')
    return place
  }

  private record(group: Group): void {
    if (group.kind === 'product') this.recordProducts(group)
    else if (group.kind === 'place') this.recordPlacing(group)
    else if (group.kind === 'attention') this.recordAttention(group)
    else this.recordKernel(group)
  }

  private recordProducts({ x, norm, products, swiglu, residual, outputs }: ProductGroup): void {
    const [first] = products as [ProductGroup['products'][number]]
    const program = productProgram({
      format: first.format,
      biases: products.map(({ bias }) => bias !== undefined),
      hasNorm: norm !== undefined,
      epilogue: swiglu ? 'swiglu' : residual ? 'residual' : 'none',
    })
    const output = this.placeOf({ value: outputs[0]! })
    const bindings: Record<string, Place> = {
      x: this.placeOf(x),
      y: { ...output, offset: 0, bytes: output.buffer.size },
      ...(norm && { normWeight: this.placeOf(norm.inputs.weight!) }),
      ...(residual && { residual: this.placeOf(residual) }),
    }
    const numbers: Record<string, number> = { eps: (norm?.attributes.eps as number | undefined) ?? 0, depth: first.inputs }
    let groups = 0
    products.forEach(({ weight, scales, bias, outputs: rows }, i) => {
      bindings[`w${i}`] = this.placeOf({ value: weight })
      if (scales) bindings[`s${i}`] = this.placeOf({ value: scales })
      if (bias) bindings[`bias${i}`] = this.placeOf({ value: bias })
      const share = Math.ceil(rows / outputsPerGroup)
      numbers[`outputs${i}`] = rows
      numbers[`groups${i}`] = share
      numbers[`at${i}`] = swiglu ? 0 : this.placeOf({ value: outputs[i]! }).offset / 16
      groups += swiglu && i > 0 ? 0 : share
    })
    for (let i = products.length; i < 3; i++) for (const name of ['outputs', 'groups', 'at']) numbers[name + i] = 0
    const { format, inputs, group } = first
    numbers.vectors = format === 'q4' ? inputs / 8 : inputs / 4
    numbers.groupSize = Math.max(1, group)
    numbers.scalesPerRow = group > 0 ? Math.ceil(inputs / group) : 0
    this.recorder.record(program, bindings, numbers, groups)
  }

  private recordPlacing({ jobs }: PlaceGroup): void {
    const kinds = jobs.map(({ rope }): Placing => (rope ? (rope.attributes.interleaved ? 'interleaved' : 'half') : 'copy'))
    const bindings: Record<string, Place> = { step: { buffer: this.stepBuffer, offset: 0, bytes: 4 * stepWords } }
    if (this.tableBuffer) bindings.tables = { buffer: this.tableBuffer, offset: 0, bytes: this.tableBuffer.size }
    const numbers: Record<string, number> = {}
    let groups = 0
    jobs.forEach((job, j) => {
      bindings[`from${j}`] = this.placeOf(job.from)
      bindings[`to${j}`] = this.placeOf(job.write ? job.write.inputs.target! : { value: job.to! })
      const uniforms = this.uniformsOf(job)
      for (const [name, value] of Object.entries(uniforms)) numbers[name + j] = value
      groups += uniforms.groups
    })
    this.recorder.record(placeProgram(kinds.join(' ')), bindings, numbers, groups)
  }

  private uniformsOf({ from, rope, write }: Job): PlaceUniforms {
    const size = sizeOf(from.shape) / 4
    const headVectors = rope ? (rope.attributes.headSize as number) / 4 : 1
    const half = rope && !rope.attributes.interleaved
    const units = half ? size / 2 : size
    const [offset = { first: 0, by: 0 }] = write?.growing ?? []
    return {
      units,
      groups: Math.ceil(units / placeLanes),
      vectors: half ? headVectors / 2 : headVectors,
      table: rope ? this.tables.get(rope.inputs.cos!.value)!.at : 0,
      first: offset.first,
      by: offset.by,
      row: size,
    }
  }

  private recordAttention({ node, outputs }: SingleGroup): void {
    const { q, k, v } = node.inputs as Record<'q' | 'k' | 'v', Operand>
    const tensor = (operand: Operand) => this.recorder.tensorAt(this.placeOf(operand), operand.shape)
    const o = { value: outputs[0]!, shape: q.shape }
    const blocks = recordAttention(
      this.recorder,
      node,
      { q: tensor(q), k: tensor(k), v: tensor(v), o: tensor(o) },
      this.lastStep,
      this.keyBlocks,
    )
    if (!this.keyBlocks.includes(blocks)) this.keyBlocks.push(blocks)
  }

  /** By the operator's own kernel. */
  private recordKernel({ node, outputs }: SingleGroup): void {
    const { recorder } = this
    const given = Object.fromEntries(
      Object.entries(node.inputs).map(([name, operand]) => [
        name,
        recorder.tensorAt(this.placeOf(operand), operand.shape, operand.value.dtype),
      ]),
    )
    const ids = node.takesIds && (node.attributes.ids as Int32Array)
    const step = { buffer: this.stepBuffer, offset: 0, bytes: 4 * stepWords }
    const resident = ids ? { data: ids, tensor: recorder.tensorAt(step, [1], 'int32') } : undefined
    const places = outputs.map((value) => this.places.get(value)!)
    const context = new RecordingContext(node.kernel, recorder, given, places, resident)
    node.run.webgpu(context, node.attributes)
    for (const place of context.scratches) recorder.giveBack(place.buffer)
  }

  private submit(dispatches: readonly Dispatch[], copies: { from: Place; to: GPUBuffer; at: number }[] = []): void {
    const encoder = this.backend.device.createCommandEncoder()
    if (dispatches.length > 0) {
      const pass = encoder.beginComputePass()
      for (const { pipeline, group, slot, x, y } of dispatches) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, group, [slot])
        pass.dispatchWorkgroups(x, y)
      }
      pass.end()
    }
    for (const { from, to, at: where } of copies) encoder.copyBufferToBuffer(from.buffer, from.offset, to, where, from.bytes)
    this.backend.device.queue.submit([encoder.finish()])
  }

  private async logits(): Promise<Float32Array> {
    return new Float32Array(await this.read([], [{ ...this.result, bytes: 4 * this.width }]))
  }

  /** By topK's kernel: descending, of equal values the lower id first. */
  private async largest(count: number): Promise<Largest> {
    const k = Math.min(count, this.width)
    let picker = this.pickers.get(k)
    if (!picker) this.pickers.set(k, (picker = this.recordPicker(k)))
    const { dispatches, values, ids } = picker
    const found = await this.read(dispatches, [
      { ...values, bytes: 4 * k },
      { ...ids, bytes: 4 * k },
    ])
    const chosen = new Int32Array(found, 4 * k)
    const missing = chosen.findIndex((id) => id >= this.width)
    const length = missing < 0 ? k : missing
    return { values: new Float32Array(found, 0, length), ids: chosen.subarray(0, length) }
  }

  private recordPicker(k: number) {
    const { recorder } = this
    const before = recorder.dispatches.length
    const [values, ids] = [recorder.takeValues(k), recorder.takeValues(k)]
    const context = new RecordingContext('TopK', recorder, {}, [], undefined)
    const out = { values: recorder.tensorAt(values, [1, k]), indices: recorder.tensorAt(ids, [1, k], 'int32') }
    best(context, recorder.tensorAt(this.result, [1, this.width]), { rows: 1, width: this.width, k }, out)
    recorder.writeUniforms()
    return { dispatches: recorder.dispatches.slice(before), values, ids }
  }

  /** Run dispatches, and copy what they and the step left at these places to the host. One read at a time: they share a buffer. */
  private read(dispatches: readonly Dispatch[], places: Place[]): Promise<ArrayBuffer> {
    const next = this.reading.then(() => this.readNow(dispatches, places))
    this.reading = next.catch(() => {})
    return next
  }

  private async readNow(dispatches: readonly Dispatch[], places: Place[]): Promise<ArrayBuffer> {
    const size = places.reduce((sum, { bytes }) => sum + bytes, 0)
    let buffer = this.staging.get(size)
    if (!buffer) {
      buffer = this.recorder.createBuffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
      this.staging.set(size, buffer)
    }
    let end = 0
    const copies = places.map((from) => ({ from, to: buffer, at: (end += from.bytes) - from.bytes }))
    this.submit(dispatches, copies)
    try {
      await buffer.mapAsync(GPUMapMode.READ)
      const values = buffer.getMappedRange().slice(0)
      buffer.unmap()
      return values
    } finally {
      // Of a failure the device's own report is the cause.
      this.backend.checkDevice()
    }
  }

  /** Tables of angles, one after the other in one buffer. */
  private layTables(nodes: readonly PlanNode[]): void {
    let vectors = 0
    for (const node of nodes) {
      if (node.kernel !== 'RopeTable') continue
      const row = (node.attributes as unknown as RopeTableAttributes).spectrum.length / 2
      const table = { node, at: vectors, row }
      for (const { value } of node.outputs) this.tables.set(value, table)
      vectors += tableSteps * row
    }
    if (vectors > 0) this.tableBuffer = this.recorder.createBuffer(16 * vectors)
  }

  private fillTables(step: number): void {
    const from = Math.floor(step / tableSteps) * tableSteps
    this.tablesFrom = from
    for (const { node, at: begin, row } of new Set(this.tables.values())) {
      const attributes = node.attributes as unknown as RopeTableAttributes
      const { growing = [] } = node
      const rows = attributes.rows.map((_, section) =>
        Int32Array.from({ length: tableSteps }, (_, i) => at(growing[section]!, from + i)),
      )
      const { cos, sin } = ropeAngles({ ...attributes, rows })
      const pairs = 2 * row
      const values = new Float32Array(tableSteps * 2 * pairs)
      for (let i = 0; i < tableSteps; i++) {
        values.set(cos.subarray(i * pairs, (i + 1) * pairs), 2 * i * pairs)
        values.set(sin.subarray(i * pairs, (i + 1) * pairs), (2 * i + 1) * pairs)
      }
      this.backend.device.queue.writeBuffer(this.tableBuffer!, 16 * begin, values)
    }
  }
}

/** For each group, the values that no later group reads. */
function lastUses(groups: readonly Group[]): Map<number, Value[]> {
  const last = new Map<Value, number>()
  groups.forEach((group, index) => {
    for (const value of [...group.outputs, ...readBy(group)]) if (!value.external) last.set(value, index)
  })
  const by = new Map<number, Value[]>()
  for (const [value, index] of last) by.set(index, [...(by.get(index) ?? []), value])
  return by
}

function readBy(group: Group): Value[] {
  if (group.kind === 'product') return [group.x, ...(group.residual ? [group.residual] : [])].map(({ value }) => value)
  if (group.kind === 'place') return group.jobs.map(({ from }) => from.value)
  return Object.values(group.node.inputs).map(({ value }) => value)
}
