/** Products with a weight in 4 bits, in integers (kernels/byte-product.ts, byte-row.ts): when they are taken, and how they are run. */
import { isDifferentiating } from '../tape.ts'
import type { KernelModule } from './exports.ts'
import { partOf, precision, splitProduct, type WasmBackend, type WasmContext } from './kernel.ts'

export interface ByteProduct {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  /** Of a row of the weight, in bytes. */
  rowBytes: number
  /** Of its scales, where they lie apart. */
  scaleBytes: number
  /** The number of a format of blocks, or bits. */
  format: number
  /** Columns per scale; 0 for blocks. */
  group: number
  /** Stands for the values of x, see WasmContext.identity. */
  identity: object | undefined
  /** Addresses. */
  x: number
  values: number
  scales: number
  bias: number
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
  const [xBytes, valueBytes, scaleBytes, yBytes] = [4 * rows * inputs, (outputs * inputs) / 2, 4 * outputs, 4 * rows * outputs]
  const scratchBytes = Math.max(exports.byteMatMulScratch(inputs), exports.quantizedScratch(inputs, outputs))
  const roundedBytes = exports.roundedBytes(rows, inputs)
  const begin = wasm._malloc(xBytes + valueBytes + scaleBytes + yBytes + scratchBytes + roundedBytes + 32) >>> 0
  try {
    const x = Math.ceil(begin / 16) * 16
    const [values, scales] = [x + xBytes, x + xBytes + valueBytes]
    const y = scales + scaleBytes
    const heap = wasm.HEAPU8.buffer
    // Whole numbers up to 127: rounding changes none, so all sums are exact.
    new Float32Array(heap, x, rows * inputs).forEach((_, i, all) => void (all[i] = i % 32 === 0 ? 127 : ((i * 37) % 255) - 127))
    new Uint8Array(heap, values, valueBytes).forEach((_, i, all) => void (all[i] = (i * 53) ^ (i >> 3)))
    // 1 as a half.
    new Uint16Array(heap, scales, 2 * outputs).fill(0x3c00)
    const scratch = y + yBytes
    const rounded = Math.ceil((scratch + scratchBytes) / 16) * 16
    const units = rounded + exports.roundedUnits(rows, inputs)
    exports.roundRows(x, rounded, units, scratch, rows, inputs, 0)
    const run = (name: 'byteMatMul' | 'quantizedMatMul', ofX: number[], ...way: Way[]) => {
      exports[name](...ofX, ...[values, scales, 0, y, scratch, rows, inputs, outputs, 4, 32, outputs], ...way)
      return new Float32Array(heap, y, rows * outputs).slice()
    }
    const expected = run('quantizedMatMul', [x])
    const ways: Way[] = wide ? [0, 1, 2] : [0, 1]
    return ways.filter((way) => run('byteMatMul', [rounded, units], way).every((value, i) => value === expected[i]))
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
   */
  constructor(
    private ways: readonly Way[],
    private readonly warmUp: number,
    private readonly trials: number,
  ) {
    this.best = ways.map(() => Infinity)
  }

  /** Time `f` with one of the ways. */
  run(work: number, f: (way: Way) => void): void {
    const count = this.ways.length
    if (this.runs >= count * (this.warmUp + this.trials)) return f(this.winner)
    const turn = this.runs % count
    const start = performance.now()
    f(this.ways[turn]!)
    const perWork = (performance.now() - start) / work
    if (this.runs++ >= count * this.warmUp) this.best[turn] = Math.min(this.best[turn]!, perWork)
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
/** Reading and rounding a value costs as much as so many multiply-adds. */
const workPerRounding = 4

/** To be called by what changes values in place: those of `identity`, or unknown ones. */
export function forgetRounded(identity: object | undefined): void {
  if (identity === undefined || rounded?.identity.deref() === identity) rounded = undefined
}

/** x as bytes, and where its units begin: rounded now, or for the product before, as q, k and v have one x, and gate and up. */
function roundedRows(
  context: WasmContext<string>,
  { identity, x, rows, inputs, group }: ByteProduct,
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
    context.share('roundRows', { count: rows, work: rows * inputs * workPerRounding }, (row, count) => [
      ...[partOf(x, row * inputs), bytes + row * inputs, partOf(units, row * unitsPerRow), context.scratch(16)],
      ...[count, inputs, Number(minima)],
    ])
    if (keeps) rounded = { identity: new WeakRef(identity), rows, inputs, minima }
  }
  return { bytes, units, unitsPerRow }
}

export function runByteProduct(context: WasmContext<string>, product: ByteProduct): void {
  const { rows, inputs, outputs, rowBytes, scaleBytes, format, group, x, values, scales, bias, y } = product
  const work = rows * inputs * outputs
  const few = rows <= fewRows
  const { count, unit, part } = splitProduct(rows, outputs, few ? fewRows : 0)
  const { byteRowsScratch, byteMatMulScratch } = context.exports
  const scratchBytes = few ? byteRowsScratch(rows, inputs) : byteMatMulScratch(inputs)
  const given = few ? undefined : roundedRows(context, product)
  const run = (way: Way) =>
    context.share(few ? 'byteRows' : 'byteMatMul', { count, work, unit }, (...range) => {
      const { row, rows, column, columns } = part(...range)
      return [
        ...(given ? [given.bytes + row * inputs, partOf(given.units, row * given.unitsPerRow)] : [partOf(x, row * inputs)]),
        ...[partOf(values, column * rowBytes, 1), partOf(scales, column * scaleBytes, 1)],
        ...[partOf(bias, column), partOf(y, row * outputs + column), context.scratch(scratchBytes)],
        ...[rows, inputs, columns, format, group, outputs, way],
      ]
    })
  if (work < leastTimed) run(race.winner)
  else race.run(work, run)
}
