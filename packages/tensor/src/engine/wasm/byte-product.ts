/** Products of many rows with a weight in 4 bits, in integers (kernels/byte-product.ts): when they are taken, and how they are run. */
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
 * Whether x is rounded to bytes in products of many rows with weights in 4 bits. Not while a gradient is computed: training sees the
 * products whose gradients it takes.
 */
export const inBytes = (inputs: number): boolean =>
  precision.bytes && !precision.exact && inputs % 32 === 0 && !isDifferentiating()

/** The feature in the device's report that says that such products can be had. */
export const byteProducts = 'int8-products'

/** The ways in which the kernel sums, by number: pairs of products in 16 bits, or four products in 32. */
export type Way = 0 | 1

/** Those that were proven when the device was started. */
export const proven: { ways: readonly Way[] } = { ways: [] }

/**
 * The ways that give the right results here, tried on a small product. V8's first compiler got four products wrong before version 12
 * (Node 20): its code overwrites the sum.
 */
export function provenWays(exports: KernelModule, { wasm }: WasmBackend): Way[] {
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
    return ([0, 1] as const).filter((way) => run('byteMatMul', way).every((value, i) => value === expected[i]))
  } finally {
    wasm._free(begin)
  }
}

/**
 * The kernel sums with either of two instructions, to the same bits. Which is faster depends on processor and engine (a factor of two
 * either way), so the first products take turns, and later ones the faster.
 */
export class Race {
  private best: [number, number] = [Infinity, Infinity]
  private runs = 0

  /** @param warmUp runs that are not counted: engines compile in the background  @param trials runs that are */
  constructor(
    private readonly warmUp: number,
    private readonly trials: number,
  ) {}

  /** Time `f` with one of the ways. */
  run(work: number, f: (way: Way) => void): void {
    if (this.runs >= this.warmUp + this.trials) return f(this.winner)
    const way = (this.runs & 1) as Way
    const start = performance.now()
    f(way)
    const perWork = (performance.now() - start) / work
    if (this.runs++ >= this.warmUp) this.best[way] = Math.min(this.best[way], perWork)
  }

  /** Take this way from now on. */
  settle(way: Way): void {
    this.runs = Infinity
    this.best = way === 0 ? [0, 1] : [1, 0]
  }

  get winner(): Way {
    return this.best[1] < this.best[0] ? 1 : 0
  }
}

/** A clock may tick only every 100 us: smaller products are not timed. */
const leastTimed = 20_000_000
export const race = new Race(24, 24)

export function runByteProduct(context: WasmContext<string>, product: ByteProduct): void {
  const { rows, inputs, outputs, rowBytes, scaleBytes, format, group, x, values, scales, bias, y } = product
  const work = rows * inputs * outputs
  const { count, unit, part } = splitProduct(rows, outputs, 0)
  const run = (way: Way) =>
    context.share('byteMatMul', { count, work, unit }, (...range) => {
      const { row, rows, column, columns } = part(...range)
      return [
        ...[partOf(x, row * inputs), partOf(values, column * rowBytes, 1), partOf(scales, column * scaleBytes, 1)],
        ...[partOf(bias, column), partOf(y, row * outputs + column)],
        context.scratch(context.exports.byteMatMulScratch(rows, inputs)),
        ...[rows, inputs, columns, format, group, outputs, way],
      ]
    })
  if (work < leastTimed) run(race.winner)
  else race.run(work, run)
}
