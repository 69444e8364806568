/**
 * The list of a plan's regions: the calls of its kernels, noted once, with what each needs in memory that stays.
 *
 * Neighbours that do not read what the others write (q, k and v; gate and up) share a region: threads take slices of all of them.
 */
import { raceOfSteps, type Way } from '../../engine/wasm/byte-product.ts'
import { runList, settle, threadCount, type WasmBackend } from '../../engine/wasm/device.ts'
import { isShared, type HeapTensor } from '../../engine/wasm/kernel.ts'
import { bytesOfRegion, inShares, writeRegion, type Slice } from '../../engine/wasm/regions.ts'
import { at, type PlanNode, type Value } from '../nodes.ts'
import { groupsOf } from './groups.ts'
import { alignment, HeapBlock } from './heap-block.ts'
import { StepNumbers } from './numbers.ts'
import { RecordedCall, SharedScratch, type Run } from './recorded-call.ts'

/** A node, and the call that notes what it runs. */
interface BoundNode {
  node: PlanNode
  call: RecordedCall
  /** Whether what it runs depends on numbers that change: no, where one passes a multiple of `movingStep`, or in every step. */
  changes: 'never' | 'at stages' | 'always'
  record(moves: readonly number[], scratch: SharedScratch): Run[]
}

/** Nodes that share regions: several with one each, or one with all of its own. */
interface Group {
  nodes: BoundNode[]
  regions: Place[]
}

/** Where a region is, and the slices that it has room for. */
interface Place {
  at: number
  room: number
}

/** The list of a plan's regions, and the scratch memory that they use one after the other. */
export class StepList {
  private readonly numbers: StepNumbers
  private readonly nodes: BoundNode[]
  /** Those that compute on the host in every step, from attributes alone. */
  private hosts: BoundNode[] = []
  /** Those that change at stages, and in every step. */
  private staged: Group[] = []
  private restless: Group[] = []
  private memory: { block: HeapBlock; scratch: number; scratchBytes: number } | undefined
  private regions = 0
  /** Multiply-adds. */
  private work = 0
  /** How products in bytes sum, if there are any. */
  private way: Way | undefined
  /** Of which multiples of `movingStep` the numbers were, when what depends on them was written. */
  private stage = ''

  /**
   * @param ids how many it takes
   * @param moves of the tracks, for which it is made
   */
  constructor(
    nodes: readonly PlanNode[],
    private readonly ids: number,
    private readonly pointerOf: (value: Value) => number,
    private readonly backend: WasmBackend,
    moves: readonly number[],
  ) {
    this.numbers = new StepNumbers(nodes, ids, backend)
    this.nodes = nodes.map((node) => bind(node, pointerOf, this.numbers, backend))
    try {
      this.layOut(moves)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  run(moves: readonly number[], ids: Int32Array): void {
    settle()
    const stage = this.numbers.write(moves, ids)
    const changed = stage === this.stage ? this.restless : [...this.restless, ...this.staged]
    const isOtherWay = this.way !== undefined && this.way !== raceOfSteps.way
    if (!this.memory || isOtherWay || !this.update(changed, moves)) this.layOut(moves)
    else for (const host of this.hosts) host.record(moves, new SharedScratch())
    this.stage = stage
    const run = () => runList(this.memory!.block.pointer, this.regions, 'a planned step')
    // Of steps that differ in their rows times say nothing.
    if (this.way === undefined || this.ids > 1) run()
    else raceOfSteps.time(this.work, run)
  }

  dispose(): void {
    for (const { call } of this.nodes) call.dispose()
    this.numbers.dispose()
    this.free()
  }

  private free(): void {
    settle()
    this.memory?.block.free()
    this.memory = undefined
  }

  /** Write what depends on the numbers. False if it takes other regions, or there is no room for it. */
  private update(changed: readonly Group[], moves: readonly number[]): boolean {
    const { scratch: pointer, scratchBytes } = this.memory!
    const scratch = new SharedScratch(pointer)
    return (
      changed.every(({ nodes, regions }) => this.write(recordTogether(nodes, moves, scratch), regions)) &&
      scratch.need <= scratchBytes
    )
  }

  private write(all: readonly Run[][], places: readonly Place[]): boolean {
    if (all.length !== places.length) return false
    return all.every((runs, i) => {
      const { at, room } = places[i]!
      const slices = slicesOf(runs)
      if (slices.length > room) return false
      writeRegion(this.backend.wasm.HEAPU8.buffer, at, { slices, serial: isSerial(runs), room })
      return true
    })
  }

  /** Write all of it, with room for what changes. */
  private layOut(moves: readonly number[]): void {
    this.free()
    // Sizes first.
    const trials = this.nodes.map((bound) => {
      const scratch = new SharedScratch()
      const runs = bound.record(moves, scratch)
      return { ...bound, changes: bound.changes, runs, scratchBytes: scratch.need }
    })
    const stays = ({ changes, runs }: (typeof trials)[number]) => changes === 'never' && runs.length === 1
    const groups = groupsOf(trials, stays, this.pointerOf).map((nodes) => {
      // Nodes that change are alone.
      const { changes } = nodes[0]!
      const regions = regionsOf(nodes.map(({ runs }) => runs))
      const rooms = regions.map((runs) => (changes === 'never' ? 1 : 2) * slicesOf(runs).length)
      return { nodes, changes, rooms, scratchBytes: nodes.reduce((sum, node) => sum + node.scratchBytes, 0) }
    })
    const rooms = groups.flatMap((group) => group.rooms)
    const listBytes = alignment * Math.ceil(rooms.map(bytesOfRegion).reduce((a, b) => a + b, 0) / alignment)
    // Caches grow, and scratch memory with them.
    const scratchBytes = 2 * Math.max(0, ...groups.map((group) => group.scratchBytes))
    const block = new HeapBlock(this.backend, listBytes + scratchBytes)
    this.memory = { block, scratch: block.pointer + listBytes, scratchBytes }
    this.regions = rooms.length
    this.staged = []
    this.restless = []
    this.hosts = []
    const runs = trials.flatMap(({ runs }) => runs)
    this.work = runs.reduce((sum, { work }) => sum + work, 0)
    this.way = runs.some(({ name }) => name === 'byteRows') ? raceOfSteps.way : undefined
    let at = block.pointer
    const scratch = new SharedScratch(this.memory.scratch)
    for (const { nodes, changes, rooms } of groups) {
      const regions = rooms.map((room) => {
        const place = { at, room }
        at += bytesOfRegion(room)
        return place
      })
      this.write(recordTogether(nodes, moves, scratch), regions)
      if (changes === 'never') continue
      if (regions.length === 0) this.hosts.push(...nodes)
      else (changes === 'always' ? this.restless : this.staged).push({ nodes, regions })
    }
  }
}

/** In the order in which threads take them: shares of about as much work. */
function slicesOf(runs: readonly Run[]): Slice[] {
  const all = runs.flatMap(({ name, slices, work }) =>
    slices.map((given) => ({ name, arguments: given, work: work / slices.length })),
  )
  return runs.length === 1 ? all : inShares(all, threadCount())
}

/** Small kernels are not worth the other threads, unless they are enough together. */
function isSerial(runs: readonly Run[]): boolean {
  const isSplit = runs.some(({ slices }) => slices.length > 1)
  return !isSplit && (runs.length === 1 || !isShared(runs.reduce((sum, { work }) => sum + work, 0)))
}

/** What nodes that share regions run, region by region. They use scratch memory at the same time. */
function recordTogether(nodes: readonly BoundNode[], moves: readonly number[], scratch: SharedScratch): Run[][] {
  scratch.begin()
  return regionsOf(nodes.map((node) => node.record(moves, scratch)))
}

/** Several nodes have one region; the calls of a single one follow each other. */
const regionsOf = (runs: readonly Run[][]): Run[][] => (runs.length === 1 ? runs[0]!.map((run) => [run]) : [runs.flat()])

function bind(node: PlanNode, pointerOf: (value: Value) => number, numbers: StepNumbers, backend: WasmBackend): BoundNode {
  const inputs = Object.fromEntries(
    Object.entries(node.inputs).map(([name, { value, shape }]): [string, HeapTensor] => [
      name,
      { pointer: pointerOf(value), shape },
    ]),
  )
  const outputs = node.outputs.map(({ value }) => pointerOf(value))
  const call = new RecordedCall(node.kernel, backend, inputs, outputs, numbers.pointerOf(node))
  const { attributes, move, changes } = attributesOf(node)
  return {
    node,
    call,
    get changes() {
      return !changes ? 'never' : call.readsNumbers ? 'at stages' : 'always'
    },
    record(moves, scratch) {
      move(moves)
      return call.record((context) => node.run.wasm(context, attributes), scratch)
    },
  }
}

/**
 * The attributes of a node, a function that sets them to those of a step, and whether that changes any. Where rows are written is read from
 * memory alone.
 */
function attributesOf({ kernel, attributes, moving = [] }: PlanNode) {
  const own: Record<string, unknown> = { ...attributes }
  const changes = kernel !== 'WriteRows' && moving.some(({ track }) => track !== undefined)
  let move = (_moves: readonly number[]): void => {}
  if (changes && kernel === 'Attention') {
    const cuK = (own.cuK = Int32Array.from(attributes.cuK as Int32Array))
    move = (moves) => moving.forEach((number, i) => void (cuK[i] = at(number, moves)))
  } else if (changes) {
    const rows = (own.rows = (attributes.rows as Int32Array[]).map((row) => row.slice()))
    const width = rows[0]!.length
    move = (moves) => moving.forEach((number, i) => void (rows[Math.floor(i / width)]![i % width] = at(number, moves)))
  }
  return { attributes: own, move, changes }
}
