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
  const scratchBytes = Math.max(exports.byteMatMulScratch(rows, inputs), exports.quantizedScratch(inputs, outputs))
  const begin = wasm._malloc(xBytes + valueBytes + scaleBytes + yBytes + scratchBytes + 16) >>> 0
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
    const run = (name: 'byteMatMul' | 'quantizedMatMul', ...way: Way[]) => {
      exports[name](...[x, values, scales, 0, y, y + yBytes, rows, inputs, outputs, 4, 32, outputs], ...way)
      return new Float32Array(heap, y, rows * outputs).slice()
    }
    const expected = run('quantizedMatMul')
    const ways: Way[] = wide ? [0, 1, 2] : [0, 1]
    return ways.filter((way) => run('byteMatMul', way).every((value, i) => value === expected[i]))
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

export function runByteProduct(context: WasmContext<string>, product: ByteProduct): void {
  const { rows, inputs, outputs, rowBytes, scaleBytes, format, group, x, values, scales, bias, y } = product
  const work = rows * inputs * outputs
  const few = rows <= fewRows
  const { count, unit, part } = splitProduct(rows, outputs, few ? fewRows : 0)
  const { byteRowsScratch, byteMatMulScratch } = context.exports
  const scratchBytes = (few ? byteRowsScratch : byteMatMulScratch)(rows, inputs)
  const run = (way: Way) =>
    context.share(few ? 'byteRows' : 'byteMatMul', { count, work, unit }, (...range) => {
      const { row, rows, column, columns } = part(...range)
      return [
        ...[partOf(x, row * inputs), partOf(values, column * rowBytes, 1), partOf(scales, column * scaleBytes, 1)],
        ...[partOf(bias, column), partOf(y, row * outputs + column), context.scratch(scratchBytes)],
        ...[rows, inputs, columns, format, group, outputs, way],
      ]
    })
  if (work < leastTimed) run(race.winner)
  else race.run(work, run)
}
