/**
 * A plan on WebGPU: pipelines, bind groups, buffers and uniforms are made once. A step writes the tokens' ids, how far every track has moved
 * and, for each growing attention, the number of keys; then it submits one command buffer. Nothing is created on the device.
 */
import { CasaError } from '@casa-js/base'
import { sizeOf } from '../../engine/tensor.ts'
import { hold } from '../../engine/held.ts'
import type { CasaWebgpuBackend } from '../../engine/webgpu/backend.ts'
import { lastUses, movesAt, NoPlan, type Counters, type Moving, type Operand, type StepNodes, type Value } from '../nodes.ts'
import { checkGiven, isOnHost, type Given, type Plan, type PlanResult } from '../plan.ts'
import { recordAttention, type KeyBlocks } from './attention.ts'
import { groupNodes, type Group, type Job, type PlaceGroup, type ProductGroup, type SingleGroup } from './groups.ts'
import { placeLanes, placeProgram, type PlaceUniforms, type Placing } from './place-program.ts'
import { outputsPerGroup, productProgram, widthOf } from './product-program.ts'
import { CannotRecord, Recorder, RecordingContext, type Dispatch, type Place } from './recorder.ts'
import { dispatchesOfPicker, mostPickers, StepResult, submit, type Copy } from './result.ts'
import { AngleTables } from './tables.ts'

/** Dispatches that are foreseen for a group: two, and some for kernels that cut their work. */
const dispatchesOf = (groups: number) => 2 * groups + 64

export function planOnWebgpu(step: StepNodes, backend: CasaWebgpuBackend): Plan | NoPlan {
  const fits = (value: Value) => 4 * sizeOf(value.shape) <= backend.bindingBytes
  const groups = groupNodes(step, backend.storageBuffers, fits)
  if (groups instanceof NoPlan) return groups
  const recorder = new Recorder(backend, dispatchesOf(groups.length), dispatchesOfPicker * mostPickers)
  try {
    return new WebgpuPlan(step, groups, recorder)
  } catch (error) {
    recorder.destroy()
    // Whatever a kernel refuses: the sequence goes on op by op.
    if (error instanceof CasaError) return new NoPlan(error.message)
    throw error
  }
}

const still: Moving = { first: 0, track: undefined }

class WebgpuPlan implements Plan {
  private readonly backend: CasaWebgpuBackend
  private readonly places = new Map<Value, Place>()
  /** How many values that are still needed lie in a buffer. */
  private readonly alive = new Map<GPUBuffer, number>()
  private readonly tables: AngleTables
  /** What changes from step to step: the tokens' ids, the moves of all tracks, and a zero for numbers that follow none. */
  private readonly step: Place
  /** Where what is given is copied to. */
  private readonly given: { name: string; buffer: GPUBuffer }[] = []
  private readonly keyBlocks: KeyBlocks[] = []
  private readonly written: object[]
  private readonly dispatches: readonly Dispatch[]
  private readonly result: StepResult
  private readonly release: () => void
  private disposed = false

  constructor(
    private readonly nodes: StepNodes,
    groups: readonly Group[],
    private readonly recorder: Recorder,
  ) {
    const { result } = nodes
    this.backend = recorder.backend
    const bytes = Math.max(16, 4 * (nodes.ids + nodes.tracks.length + 1))
    this.step = { buffer: recorder.createBuffer(bytes), offset: 0, bytes }
    for (const value of nodes.values) {
      if (value.given === undefined) continue
      const place = recorder.takeValues(sizeOf(value.shape))
      this.places.set(value, place)
      this.given.push({ name: value.given, buffer: place.buffer })
    }
    this.tables = new AngleTables(nodes.nodes, recorder)
    const lastUse = lastUses(groups, (group) => [...group.outputs, ...readBy(group)])
    for (const [index, group] of groups.entries()) {
      this.place(group)
      this.record(group)
      for (const value of lastUse.get(index) ?? []) if (value !== result) this.free(value)
    }
    this.dispatches = recorder.dispatches.slice()
    this.result = new StepResult(recorder, this.placeOf({ value: result }), result.shape)
    this.written = nodes.nodes.flatMap(({ kernel, inputs }) => (kernel === 'WriteRows' ? [inputs.target!.value.external!] : []))
    recorder.writeUniforms()
    recorder.openReserve()
    this.release = hold(recorder.bytes)
  }

  movesAt(counters: Counters): number[] | undefined {
    return movesAt(this.nodes, counters)
  }

  run(moves: readonly number[], ids: Int32Array, given: Given = {}): PlanResult {
    checkGiven(this.nodes.values, given)
    const { device } = this.backend
    this.backend.flush()
    device.queue.writeBuffer(this.step.buffer, 0, Int32Array.of(...ids, ...moves))
    const copies: Copy[] = []
    for (const { name, buffer } of this.given) {
      const each = given[name]!
      if (isOnHost(each)) device.queue.writeBuffer(buffer, 0, each as Float32Array<ArrayBuffer>)
      else
        copies.push({ from: { buffer: this.backend.bufferOf(each.dataId), offset: 0, bytes: 4 * each.size }, to: buffer, at: 0 })
    }
    if (copies.length > 0) submit(device, [], copies)
    for (const { buffer, listAt } of this.keyBlocks) device.queue.writeBuffer(buffer, 0, listAt(moves))
    this.tables.provide(moves)
    for (const dataId of this.written) this.backend.forgetValues(dataId)
    submit(device, this.dispatches)
    return this.result
  }

  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    this.recorder.destroy()
    this.release()
  }

  /** Memory for what a group makes, but for kernels, which ask for theirs. Products of one dispatch lie in one buffer. */
  private place(group: Group): void {
    if (group.kind === 'kernel') return
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
    const { wide, ...width } = widthOf(first.format, first.inputs)
    const program = productProgram({
      format: first.format,
      wide,
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
    const { inputs, group } = first
    Object.assign(numbers, width)
    numbers.groupSize = Math.max(1, group)
    numbers.scalesPerRow = group > 0 ? Math.ceil(inputs / group) : 0
    this.recorder.record(program, bindings, numbers, groups)
  }

  private recordPlacing({ jobs }: PlaceGroup): void {
    const kinds = jobs.map(({ rope }): Placing => (rope ? (rope.attributes.interleaved ? 'interleaved' : 'half') : 'copy'))
    const bindings: Record<string, Place> = { step: this.step }
    if (this.tables.place) bindings.tables = this.tables.place
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
    const tokens = (rope?.attributes.tokens ?? write!.attributes.rows) as number
    const headVectors = rope ? (rope.attributes.headSize as number) / 4 : 1
    const half = rope && !rope.attributes.interleaved
    const units = half ? size / 2 : size
    const { first: offset, track } = write?.moving?.[0] ?? still
    const angles = rope && this.tables.of(rope.inputs.cos!.value)
    return {
      units,
      groups: Math.ceil(units / placeLanes),
      vectors: half ? headVectors / 2 : headVectors,
      table: angles?.start ?? 0,
      position: angles?.position.first ?? 0,
      turn: this.wordOf(angles?.position.track),
      offset,
      move: this.wordOf(track),
      row: size / tokens,
    }
  }

  /** Where a track's move lies among the words of the step. */
  private wordOf(track: number | undefined): number {
    return this.nodes.ids + (track ?? this.nodes.tracks.length)
  }

  private recordAttention({ node, outputs }: SingleGroup): void {
    const { q, k, v } = node.inputs as Record<'q' | 'k' | 'v', Operand>
    const tensor = (operand: Operand) => this.recorder.tensorAt(this.placeOf(operand), operand.shape)
    const o = { value: outputs[0]!, shape: q.shape }
    const blocks = recordAttention(
      this.recorder,
      node,
      { q: tensor(q), k: tensor(k), v: tensor(v), o: tensor(o) },
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
    const resident = ids ? { data: ids, tensor: recorder.tensorAt(this.step, [ids.length], 'int32') } : undefined
    const context = new RecordingContext(node.kernel, recorder, given, resident)
    const made = node.run.webgpu(context, node.attributes)
    outputs.forEach((value, i) => {
      const place = context.outputs.get(made[i]!.dataId)
      if (place) return this.hold(value, place)
      // What it uploaded is its result, for all steps.
      const uploaded = recorder.placeOf(made[i]!)
      this.places.set(value, uploaded)
      this.alive.set(uploaded.buffer, Infinity)
    })
    for (const place of context.scratches) recorder.giveBack(place.buffer)
  }
}

function readBy(group: Group): Value[] {
  if (group.kind === 'product') return [group.x, ...(group.residual ? [group.residual] : [])].map(({ value }) => value)
  if (group.kind === 'place') return group.jobs.map(({ from }) => from.value)
  return Object.values(group.node.inputs).map(({ value }) => value)
}
