/** Products with a weight in 4 bits, in integers (kernels/byte-product.ts, byte-row.ts): when they are taken, and how they are run. */
import { isDifferentiating } from '../tape.ts'
import type { KernelModule } from './exports.ts'
import type { WasmBackend } from './device.ts'
import { partOf, precision, type WasmContext } from './kernel.ts'

/** A product's x. */
interface ByteRows {
  rows: number
  /** D */
  inputs: number
  /** Stands for the values of x, see WasmContext.identity. */
  identity: object | undefined
  /** Address. */
  x: number
}

/** A weight [O, D]. */
export interface ByteWeight {
  /** Addresses. */
  values: number
  scales: number
  bias: number
}

/** How weights of one shape and format lie in memory. */
export interface ByteFormat {
  /** Of a row of the weight, in bytes. */
  rowBytes: number
  /** Of its scales, where they lie apart. */
  scaleBytes: number
  /** The number of a format of blocks, or bits. */
  format: number
  /** Columns per scale; 0 for blocks. */
  group: number
}

/** Weights [O, D] in 4 bits with scales of their own. */
export const int4Format = (inputs: number, group: number): ByteFormat => ({
  ...{ rowBytes: inputs / 2, scaleBytes: 2 * Math.ceil(inputs / group) },
  ...{ format: 4, group },
})

export interface ByteProduct extends ByteRows, ByteFormat, ByteWeight {
  /** O */
  outputs: number
  /** Address. */
  y: number
}

/** silu(x gateᵀ) * (x upᵀ) */
export interface GatedByteProduct extends ByteRows, ByteFormat {
  /** O */
  outputs: number
  gate: ByteWeight
  up: ByteWeight
  /** Address. */
  y: number
}

/**
 * Whether x is rounded to bytes in products with weights in 4 bits. Not while a gradient is computed: training sees the
 * products whose gradients it takes.
 */
export const inBytes = (inputs: number): boolean =>
  precision.bytes && !precision.exact && inputs % 32 === 0 && !isDifferentiating()

/** The feature in the device's report that says that such products can be had. */
export const byteProducts = 'int8-products'

/** The ways in which the kernel sums, by number: pairs of products in 16 bits; four products in 32; the same for twice as many rows, in wide vectors. */
export type Way = 0 | 1 | 2

/** Those that were proven when the device was started. */
export const proven: { ways: readonly Way[] } = { ways: [] }

/**
 * The ways that give the right results here, tried on a small product. V8's first compiler got four products wrong before version 12
 * (Node 20): its code overwrites the sum.
 */
export function provenWays(exports: KernelModule, { wasm }: WasmBackend, wide: boolean): Way[] {
  const [rows, inputs, outputs] = [5, 64, 37]
  const panelBytes = (exports.bytePanelBytes(inputs) >>> 0) * Math.ceil(outputs / 16)
  const scratchBytes = Math.max(
    exports.bytePanelScratch(inputs),
    exports.byteMatMulScratch(),
    exports.quantizedScratch(inputs, outputs),
  )
  const sizes = [
    4 * rows * inputs,
    (outputs * inputs) / 2,
    4 * outputs,
    4 * rows * outputs,
    scratchBytes,
    exports.roundedBytes(rows, inputs),
  ]
  const spaced = [...sizes, panelBytes].map((bytes) => Math.ceil(bytes / 64) * 64)
  const begin = wasm._malloc(64 + spaced.reduce((a, b) => a + b, 0)) >>> 0
  try {
    let next = Math.ceil(begin / 64) * 64
    const places = spaced.map((bytes) => {
      next += bytes
      return next - bytes
    })
    const [x, values, scales, y, scratch, rounded, panels] = places as [number, number, number, number, number, number, number]
    const heap = wasm.HEAPU8.buffer
    // Whole numbers up to 127: rounding changes none, so all sums are exact.
    new Float32Array(heap, x, rows * inputs).forEach((_, i, all) => void (all[i] = i % 32 === 0 ? 127 : ((i * 37) % 255) - 127))
    new Uint8Array(heap, values, sizes[1]).forEach((_, i, all) => void (all[i] = (i * 53) ^ (i >> 3)))
    // 1 as a half.
    new Uint16Array(heap, scales, 2 * outputs).fill(0x3c00)
    const result = () => new Float32Array(heap, y, rows * outputs).slice()
    exports.quantizedMatMul(x, values, scales, 0, y, scratch, rows, inputs, outputs, 4, 32, outputs)
    const expected = result()
    const units = rounded + exports.roundedUnits(rows, inputs)
    exports.roundRows(x, rounded, units, scratch, rows, inputs, 0)
    exports.bytePanels(values, scales, panels, scratch, inputs, outputs, 4, 32)
    const ways: Way[] = wide ? [0, 1, 2] : [0, 1]
    return ways.filter((way) => {
      exports.byteMatMul(rounded, units, panels, 0, y, scratch, rows, inputs, outputs, 0, outputs, way)
      return result().every((value, i) => value === expected[i])
    })
  } finally {
    wasm._free(begin)
  }
}

/**
 * All ways give the same bits. Which is fastest depends on processor and engine (a factor of two between the first two; the third needs
 * vectors of 256 bits), so the first products take turns, and later ones the fastest.
 */
export class Race {
  private best: number[]
  private runs = 0

  /**
   * @param warmUp runs of each way that are not counted: engines compile in the background
   * @param trials runs of each way that are
   * @param inARow runs of one way before the next has its turn
   */
  constructor(
    private ways: readonly Way[],
    private readonly warmUp: number,
    private readonly trials: number,
    private readonly inARow = 1,
  ) {
    this.best = ways.map(() => Infinity)
  }

  /** The way that is next. */
  get way(): Way {
    return this.isOver ? this.winner : this.ways[this.turn]!
  }

  /** Run `f`, which takes that way, and time it. */
  time(work: number, f: () => void): void {
    if (this.isOver) return f()
    const { turn } = this
    const start = performance.now()
    f()
    const perWork = (performance.now() - start) / work
    if (this.runs++ >= this.ways.length * this.warmUp) this.best[turn] = Math.min(this.best[turn]!, perWork)
  }

  get isOver(): boolean {
    return this.runs >= this.ways.length * (this.warmUp + this.trials)
  }

  /** The order of turns moves on, as every layer has the same products: each way has its turn with each of them. */
  private get turn(): number {
    const turn = Math.floor(this.runs / this.inARow)
    return (turn + Math.floor(turn / this.ways.length)) % this.ways.length
  }

  /** Begin again, with these ways. A single one is taken from now on. */
  start(ways: readonly Way[]): void {
    this.ways = ways
    this.best = ways.map(() => Infinity)
    this.runs = ways.length > 1 ? 0 : Infinity
  }

  get winner(): Way {
    return this.ways[this.best.indexOf(Math.min(...this.best))] ?? 0
  }
}

/** A clock may tick only every 100 us: smaller products are not timed. */
const leastTimed = 20_000_000
export const race = new Race([], 12, 12)
/** Of steps that were planned: all their products take one way. */
export const raceOfSteps = new Race([], 4, 8, 4)

/** Up to this many rows, products with compressed weights have kernels of their own, which read every weight once instead of widening it. */
export const fewRows = 6

/** The rows that `kept` memory holds as bytes. */
interface Rounded {
  identity: WeakRef<object>
  rows: number
  inputs: number
  minima: boolean
}

let rounded: Rounded | undefined
/** Above this, memory is not held between calls. */
const mostKept = 2 ** 24
/** Threads are given rows of x in multiples of this: whole tiles. */
const tileUnit = 8
/** Reading and rounding a value costs as much as so many multiply-adds. */
const workPerRounding = 4

/** To be called by what changes values in place: those of `identity`, or unknown ones. */
export function forgetRounded(identity: object | undefined): void {
  if (identity === undefined || rounded?.identity.deref() === identity) rounded = undefined
}

/** x as bytes, and where its units begin: rounded now, or for the product before, as q, k and v have one x, and gate and up. */
function roundedRows(
  context: WasmContext<string>,
  { identity, x, rows, inputs, group }: ByteRows & Pick<ByteFormat, 'group'>,
): { bytes: number; units: number; unitsPerRow: number } {
  const { roundedBytes, roundedUnits } = context.exports
  const minima = group === 0
  const size = roundedBytes(rows, inputs) >>> 0
  const keeps = identity !== undefined && size <= mostKept
  const isKnown =
    keeps &&
    rounded?.identity.deref() === identity &&
    rounded?.rows === rows &&
    rounded.inputs === inputs &&
    rounded.minima === minima
  // Before memory is asked for: it may move, or there may be none.
  if (keeps && !isKnown) rounded = undefined
  const bytes = keeps ? context.kept(size) : context.scratch(size)
  const units = bytes + (roundedUnits(rows, inputs) >>> 0)
  // Three floats per block: unitBytes of kernels/byte-tile.ts.
  const unitsPerRow = 3 * (inputs / 32)
  if (!isKnown) {
    context.share('roundRows', { count: rows, work: rows * inputs * workPerRounding, unit: tileUnit }, (row, count) => [
      ...[partOf(x, row * inputs), bytes + row * inputs, partOf(units, row * unitsPerRow), context.scratch(16)],
      ...[count, inputs, Number(minima)],
    ])
    if (keeps) rounded = { identity: new WeakRef(identity), rows, inputs, minima }
  }
  return { bytes, units, unitsPerRow }
}

export function runByteProduct(context: WasmContext<string>, product: ByteProduct): void {
  takingWay(context, product, product.rows * product.inputs * product.outputs, (way) =>
    product.rows <= fewRows ? runFewRows(context, product, way) : runManyRows(context, product, way),
  )
}

/** Run products with the best way, or one that has its turn. */
function takingWay(context: WasmContext<string>, { rows }: Pick<ByteRows, 'rows'>, work: number, run: (way: Way) => void): void {
  if (context.isRecorded) run(rows <= fewRows ? raceOfSteps.way : race.winner)
  else if (work < leastTimed || race.isOver) run(race.winner)
  else {
    const { way } = race
    context.finish()
    race.time(work, () => {
      run(way)
      context.finish()
    })
  }
}

/** Every row of the weight is read once, for all rows of x. */
function runFewRows(context: WasmContext<string>, product: ByteProduct, way: Way): void {
  const { rows, inputs, outputs, rowBytes, scaleBytes, format, group, x, values, scales, bias, y } = product
  const scratchBytes = context.exports.byteRowsScratch(rows, inputs)
  context.share('byteRows', { count: outputs, work: rows * inputs * outputs, pieces: 2 }, (column, columns) => [
    ...[x, partOf(values, column * rowBytes, 1), partOf(scales, column * scaleBytes, 1)],
    ...[partOf(bias, column), partOf(y, column), context.scratch(scratchBytes)],
    ...[rows, inputs, columns, format, group, outputs, Number(way > 0)],
  ])
}

/** Rows of W in a panel (kernels/byte-tile.ts). */
const panelRows = 16
/** Panels that are unpacked before rows are multiplied with them: a part of the L2 cache. */
const mostPanelBytes = 3 << 19

/** The weight is unpacked, a part that stays in the L2 cache at a time; then threads take rows of x. */
function runManyRows(context: WasmContext<string>, product: ByteProduct, way: Way): void {
  const { rows, inputs, outputs, group, bias, y } = product
  const { bytes, units, unitsPerRow } = roundedRows(context, product)
  const { exports } = context
  for (const { first, columns, panels } of unpackedParts(context, product, [product])) {
    const split = { count: rows, work: rows * inputs * columns, unit: tileUnit, pieces: 4 }
    context.share('byteMatMul', split, (row, count) => [
      ...[bytes + row * inputs, partOf(units, row * unitsPerRow), ...panels, partOf(bias, first)],
      ...[partOf(y, row * outputs + first), context.scratch(exports.byteMatMulScratch()), count, inputs, columns],
      ...[Number(group === 0), outputs, way],
    ])
  }
}

/** As runManyRows, with two weights at a time. Only for more than `fewRows` rows. */
export function runGatedByteProduct(context: WasmContext<string>, product: GatedByteProduct): void {
  const { rows, inputs, outputs, group, gate, up, y } = product
  const { exports } = context
  takingWay(context, product, 2 * rows * inputs * outputs, (way) => {
    const { bytes, units, unitsPerRow } = roundedRows(context, product)
    for (const { first, columns, panels } of unpackedParts(context, product, [gate, up])) {
      const split = { count: rows, work: 2 * rows * inputs * columns, unit: tileUnit, pieces: 4 }
      context.share('byteGated', split, (row, count) => [
        ...[bytes + row * inputs, partOf(units, row * unitsPerRow), ...panels, partOf(gate.bias, first), partOf(up.bias, first)],
        ...[partOf(y, row * outputs + first), context.scratch(exports.byteGatedScratch()), count, inputs, columns],
        ...[Number(group === 0), outputs, way],
      ])
    }
  })
}

/** Unpacks columns first .. first + columns - 1 of y's weights, part by part: the addresses of their panels, valid until the next part. */
function* unpackedParts(
  context: WasmContext<string>,
  { inputs, outputs, rowBytes, scaleBytes, format, group }: ByteFormat & Pick<ByteProduct, 'inputs' | 'outputs'>,
  weights: readonly ByteWeight[],
) {
  const { bytePanelBytes, bytePanelScratch } = context.exports
  const panelBytes = bytePanelBytes(inputs) >>> 0
  const most = panelRows * Math.max(1, Math.floor(mostPanelBytes / weights.length / panelBytes))
  const panels = weights.map(() => context.scratch(panelBytes * Math.ceil(Math.min(most, outputs) / panelRows)))
  for (let first = 0; first < outputs; first += most) {
    const columns = Math.min(most, outputs - first)
    for (const [i, { values, scales }] of weights.entries()) {
      const split = { count: columns, work: columns * inputs * workPerRounding, unit: panelRows }
      context.share('bytePanels', split, (begin, count) => [
        ...[partOf(values, (first + begin) * rowBytes, 1), partOf(scales, (first + begin) * scaleBytes, 1)],
        ...[
          panels[i]! + (begin / panelRows) * panelBytes,
          context.scratch(bytePanelScratch(inputs)),
          inputs,
          count,
          format,
          group,
        ],
      ])
    }
    yield { first, columns, panels }
  }
}
