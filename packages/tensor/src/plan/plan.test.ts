/** A planned step equals the step op by op: for weights of every format, with and without what a plan fuses. */
import type { BlockType } from '@casa-js/base/internal'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { close, init } from '../engine/init.ts'
import { sharing } from '../engine/wasm/kernel.ts'
import { dispose, keep, memory, scope } from '../engine/scope.ts'
import type { Tensor } from '../engine/tensor.ts'
import * as ops from '../index.ts'
import { wantedDevices, whyMissing } from '../testing/devices.ts'
import { countOnGpu } from '../testing/gpu-counts.ts'
import { randomBlocks } from '../testing/blocks.ts'
import { halvesOf } from '../testing/halves.ts'
import { webgpuBackend } from '../testing/held-webgpu.ts'
import { randomValues } from '../testing/random.ts'
import { createPlan, NoPlan, traceStep, type Plan, type PlanResult, type StepTrace } from './index.ts'
import { likeliestOf } from './plan.ts'

/** Blocks have cases of their own: they need rows of 256. */
const formats = ['f32', 'bf16', 'f16', 'q8', 'q4'] as const
type Format = (typeof formats)[number] | BlockType

const isBlocks = (format: Format): format is BlockType => format.startsWith('Q')

interface Case {
  format: Format
  /** Of the head: another than the layers'. */
  headFormat: Format
  biases: boolean
  layout: 'half' | 'interleaved'
  K: number
  group: number
  E: number
  V: number
  window: number | undefined
  /** Something else reads the normed row, so that products may not compute it themselves. */
  sharesNorm: boolean
  capacity: number
  /** Rows that a workgroup reads four words at a time. */
  longRows: boolean
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  format: fc.constantFrom(...formats),
  headFormat: fc.constantFrom(...formats),
  biases: fc.boolean(),
  layout: fc.constantFrom('half' as const, 'interleaved' as const),
  K: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  E: fc.constantFrom(8, 16),
  V: fc.integer({ min: 5, max: 70 }),
  window: fc.constantFrom(undefined, 3),
  sharesNorm: fc.boolean(),
  capacity: fc.constantFrom(9, 300),
  longRows: fc.constant(false),
})

function weight(format: Format, shape: [number, number], seed: number): Tensor {
  const values = randomValues(shape[0] * shape[1], seed).map((x) => x / Math.sqrt(shape[1]))
  if (format === 'f32') return ops.tensor(values, shape)
  if (isBlocks(format))
    return ops.createCompressedBlocks(randomBlocks(format, shape, seed, 1 / Math.sqrt(shape[1])), shape, format)
  if (format === 'bf16' || format === 'f16') return ops.createCompressedWeight(halvesOf(values, format), shape, format)
  return ops.createCompressedQuantizedWeight(ops.quantize(values, shape, { bits: format === 'q8' ? 8 : 4 }))
}

/** A decoder of two layers over caches of its own. */
function decoderOf({ format, headFormat, biases, layout, K, group, E, V, window, sharesNorm, capacity, longRows }: Case) {
  // Rows of whole blocks; else less than a workgroup reads at once.
  const short = isBlocks(format) || isBlocks(headFormat) ? [256, 256] : [32, 40]
  const [D, F] = (longRows ? [2048, 24] : short) as [number, number]
  const H = K * group
  const kept: Tensor[] = []
  let seed = 0
  const own = (t: Tensor) => {
    kept.push(keep(t))
    return t
  }
  const matrix = (rows: number, columns: number, of = format) => own(weight(of, [rows, columns], ++seed))
  const vector = (size: number, around = 0) =>
    own(
      ops.tensor(
        randomValues(size, ++seed).map((x) => around + 0.1 * x),
        [size],
      ),
    )
  const layers = Array.from({ length: 2 }, () => ({
    norm: vector(D, 1),
    ...{ q: matrix(H * E, D), k: matrix(K * E, D), v: matrix(K * E, D), o: matrix(D, H * E, isBlocks(format) ? 'q4' : format) },
    ...{ qBias: vector(H * E), kBias: vector(K * E), vBias: vector(K * E) },
    norm2: vector(D, 1),
    ...{ gate: matrix(F, D), up: matrix(F, D), down: matrix(D, F) },
    ...{ keys: own(ops.zeros([capacity, K, E])), values: own(ops.zeros([capacity, K, E])) },
  }))
  const [table, last, head] = [matrix(V, D), vector(D, 1), matrix(V, D, headFormat)]
  const eps = 1e-5
  return {
    kept,
    width: D,
    /** The logits after tokens, with rows of an image before them. */
    step(ids: Int32Array, position: number, image?: Tensor): Tensor {
      let x = ops.embedding(table, ids)
      if (image) x = ops.concat([image, x], 0)
      const T = x.shape[0]!
      const rotary = ops.ropeTable(
        Int32Array.from({ length: T }, (_, t) => position + t),
        { headSize: E, theta: 100 },
      )
      for (const w of layers) {
        const n = ops.rmsNorm(x, w.norm, { eps })
        const heads = (name: 'q' | 'k' | 'v', count: number) =>
          ops.reshape(ops.linear(n, w[name], biases ? w[`${name}Bias`] : undefined), [T, count, E])
        const [q, k, v] = [heads('q', H), heads('k', K), heads('v', K)]
        ops.writeRows(w.keys, ops.rope(k, rotary, { layout }), position)
        ops.writeRows(w.values, v, position)
        const attended = ops.attention(ops.rope(q, rotary, { layout }), w.keys, w.values, {
          ...{ cuQ: Int32Array.of(0, T), cuK: Int32Array.of(0, position + T), causal: true, window },
        })
        x = ops.add(x, ops.linear(ops.reshape(attended, [T, H * E]), w.o))
        if (sharesNorm) x = ops.add(ops.silu(n), x)
        const n2 = ops.rmsNorm(x, w.norm2, { eps })
        x = ops.add(x, ops.linear(ops.swiglu(ops.linear(n2, w.gate), ops.linear(n2, w.up)), w.down))
      }
      const row = T === 1 ? x : ops.slice(x, [T - 1, 0], [1, D])
      return keep(ops.linear(ops.rmsNorm(row, last, { eps }), head))
    },
  }
}

const idAt = (position: number, { V }: Case) => (7 * position + 3) % V

interface Planned {
  plan: Plan
  /** The planned step at a position, with the ids that belong there or with this one. */
  run(position: number, id?: number): PlanResult
}

/** How much a step takes. */
interface StepSize {
  tokens: number
  /** Of an image, given anew in every step. */
  imageRows: number
}

/** Steps at positions 4 and 5, traced; then `use` with the plan, and what follows it op by op. */
async function withPlan(
  given: Case,
  use: (planned: Planned, opByOp: (position: number) => Promise<Float32Array>) => Promise<void>,
  { tokens, imageRows }: StepSize = { tokens: 1, imageRows: 0 },
): Promise<void> {
  const before = memory()
  const decoder = decoderOf(given)
  const idsAt = (position: number) => Int32Array.from({ length: tokens }, (_, t) => idAt(position + t, given))
  const withImage = <T>(position: number, f: (image: Tensor | undefined) => T): T => {
    const shape = [imageRows, decoder.width]
    const image = imageRows > 0 ? keep(ops.tensor(randomValues(imageRows * decoder.width, 100 + position), shape)) : undefined
    try {
      return f(image)
    } finally {
      dispose(image)
    }
  }
  const traces = [4, 5].map((position): StepTrace =>
    withImage(position, (image) => {
      const ids = idsAt(position)
      const step = () => scope(() => decoder.step(ids, position, image))
      const { logits, trace } = traceStep(ids, { tokens: position }, step, image && { image })
      logits.dispose()
      return trace
    }),
  ) as [StepTrace, StepTrace]
  const plan = createPlan(...traces)
  if (plan instanceof NoPlan) throw new Error(plan.why)
  const run = (position: number, id?: number) =>
    withImage(position, (image) =>
      plan.run(plan.movesAt({ tokens: position })!, id === undefined ? idsAt(position) : Int32Array.of(id), image && { image }),
    )
  await use({ plan, run }, async (position) => {
    const logits = withImage(position, (image) => scope(() => decoder.step(idsAt(position), position, image)))
    const values = (await logits.data()) as Float32Array
    logits.dispose()
    return values
  })
  plan.dispose()
  plan.dispose()
  dispose(...decoder.kept)
  expect(memory(), 'memory after the plan').toEqual(before)
}

function compare(device: string, found: Float32Array, expected: Float32Array): void {
  if (device === 'wasm') return expect(found).toEqual(expected)
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const worst = found.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0)
  // Sums of at most 2,048 float32 products through two layers, in another order.
  expect(worst / largest).toBeLessThan(2e-5)
}

/** Each of these once on a GPU, where compiling takes seconds: every format, and both sides of every flag. */
const someCases: Case[] = [
  {
    ...{ format: 'f32', headFormat: 'q8', biases: true, layout: 'half', K: 2, group: 2, E: 8, V: 31 },
    ...{ window: 3, sharesNorm: false, capacity: 9, longRows: false },
  },
  {
    ...{ format: 'q4', headFormat: 'f16', biases: false, layout: 'interleaved', K: 1, group: 3, E: 16, V: 45 },
    ...{ window: undefined, sharesNorm: true, capacity: 300, longRows: false },
  },
  {
    ...{ format: 'Q4_K', headFormat: 'Q6_K', biases: true, layout: 'half', K: 1, group: 1, E: 8, V: 9 },
    ...{ window: undefined, sharesNorm: false, capacity: 9, longRows: false },
  },
  {
    ...{ format: 'bf16', headFormat: 'Q4_1', biases: true, layout: 'interleaved', K: 2, group: 1, E: 16, V: 8 },
    ...{ window: undefined, sharesNorm: false, capacity: 9, longRows: false },
  },
]

/** Weights of which four words are read at once, and what a norm, biases, an addition and a SwiGLU do there. */
const longRows = (['bf16', 'q8', 'q4'] as const).map((format): Case => ({
  ...someCases[0]!,
  format,
  headFormat: format,
  longRows: true,
}))

it('nothing is likeliest where no logit is a number above -Infinity', () => {
  expect(likeliestOf(Float32Array.of(NaN, -Infinity))).toBeUndefined()
  expect(likeliestOf(Float32Array.of(NaN, 1, 3, -Infinity, 3))).toBe(2)
})

for (const device of ['wasm', 'webgpu'] as const) {
  const missing = wantedDevices.includes(device) ? await whyMissing(device) : 'not among CASA_DEVICES'
  describe.skipIf(missing)(`plans on ${device}`, () => {
    afterAll(close)

    it('give the logits of the op-by-op path, at every step and in any order of steps', { timeout: 240_000 }, async () => {
      await init({ device, software: true })
      const law = async (given: Case) => {
        await withPlan(given, async ({ plan, run }, opByOp) => {
          expect(plan.movesAt({ tokens: given.capacity - 1 })).toEqual([given.capacity - 5])
          expect(plan.movesAt({ tokens: given.capacity })).toBeUndefined()
          // Also before the first trace, as when a window begins anew.
          for (const position of [6, 2, 7, 3, 8]) {
            const found = await run(position).logits()
            compare(device, found, await opByOp(position))
          }
        })
      }
      if (device === 'webgpu') {
        for (const each of [...someCases, ...longRows]) await law(each)
        // What every WebGPU device has: q, k and v with biases do not fit one program. And weights that do not fit one binding.
        webgpuBackend().storageBuffers = 8
        await law(someCases[0]!)
        webgpuBackend().bindingBytes = 2048
        await law(someCases[0]!)
      } else await fc.assert(fc.asyncProperty(anyCase, law), { numRuns: 40, examples: someCases.map((each) => [each]) })
    })

    it('of several tokens, and an image given anew, give the logits of the op-by-op path', { timeout: 240_000 }, async () => {
      // The test before may have left a device that binds little.
      await close()
      await init({ device, software: true })
      for (const [i, size] of [
        { tokens: 3, imageRows: 0 },
        { tokens: 2, imageRows: 4 },
        { tokens: 9, imageRows: 5 },
      ].entries()) {
        // A cache in which positions leave the first table of angles.
        const given = { ...someCases[i]!, capacity: 1100 }
        await withPlan(
          given,
          async ({ run }, opByOp) => {
            for (const position of [6, 2, 1019, 70, 1024, 8])
              compare(device, await run(position).logits(), await opByOp(position))
          },
          size,
        )
      }
    })

    it('select the largest logits, equal ones by their ids', async () => {
      await init({ device, software: true })
      const given = someCases[0]!
      await withPlan(given, async ({ run }) => {
        const step = run(2, 5)
        const logits = await step.logits()
        const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b)
        expect(await step.likeliest()).toBe(order[0])
        // More different counts than are selected on the device.
        for (const count of [1, 5, 99, 2, 3, 4, 6, 7, 8, 9, 10]) {
          const { values, ids } = await step.largest(count)
          expect([...ids]).toEqual(order.slice(0, count))
          expect([...values]).toEqual(order.slice(0, count).map((id) => logits[id]))
        }
      })
    })

    it('are refused, with the reason, where steps differ by more than a plan can follow', async () => {
      await init({ device, software: true })
      const x = keep(ops.tensor([1, 2, 3, 4], [1, 4]))
      const weight = keep(ops.tensor(randomValues(16, 1), [4, 4]))
      const refusal = (f: (step: number, ids: Int32Array) => Tensor) => {
        const trace = (step: number) => {
          const ids = Int32Array.of(2)
          const { logits, trace } = traceStep(ids, { tokens: step }, () => scope(() => keep(f(step, ids))))
          logits.dispose()
          return trace
        }
        const plan = createPlan(trace(0), trace(1))
        if (plan instanceof NoPlan) return plan.why
        plan.dispose()
        return undefined
      }
      const product = (given: Tensor) => ops.linear(given, weight)
      expect(refusal(() => product(x))).toBeUndefined()
      expect(refusal((step) => product(ops.rmsNorm(x, ops.reshape(ops.scale(x, 2), [4]), { eps: step })))).toMatch(
        'RmsNorm: weight [4] is made in every step by an operator that plans do not know',
      )
      expect(
        refusal((step) =>
          product(
            ops.attention(...([x, x, x].map((t) => ops.reshape(t, [1, 1, 4])) as [Tensor, Tensor, Tensor]), {
              ...{ cuQ: Int32Array.of(0, 1), cuK: Int32Array.of(0, 1), causal: false, scale: 1 + step },
            }),
          ),
        ),
      ).toMatch('Attention: scale changes')
      expect(refusal((_, ids) => product(ops.embedding(weight, Int32Array.from(ids))))).toMatch('are a copy')
      expect(
        refusal((_, ids) => {
          ops.tensor(Int32Array.from(ids), [1])
          return product(x)
        }),
      ).toMatch('a tensor is made of the ids')
      expect(refusal((step) => product(step === 0 ? x : ops.silu(x)))).toMatch('two steps ran different kernels')
      expect(refusal(() => ops.subtract(product(x), x))).toMatch(
        'the result of the step comes from an operator that plans do not know',
      )
      dispose(x, weight)
    })
  })

  it.skipIf(missing || device !== 'wasm').each([1, 3])(
    'a planned step on %i threads keeps the bits where its calls are written anew',
    async (threads) => {
      const { workPerThread } = sharing
      sharing.workPerThread = 1
      await init({ device, threads })
      await withPlan({ ...someCases[1]!, group: 2, K: 2 }, async ({ run }, opByOp) => {
        // Past multiples of movingStep, where keys get more parts; and back.
        for (const position of [6, 62, 63, 64, 65, 127, 128, 191, 192, 193, 260, 100, 7]) {
          expect(await run(position).logits(), `${position}`).toEqual(await opByOp(position))
        }
      })
      await close()
      sharing.workPerThread = workPerThread
    },
  )

  it.skipIf(missing || device !== 'webgpu')(
    'a planned step of several tokens and an image creates nothing on the GPU',
    async () => {
      await init({ device, software: true })
      const step = async ({ run }: Planned, position: number) => void (await run(position).likeliest())
      await withPlan(
        someCases[1]!,
        async (planned) => {
          for (const position of [6, 9]) await step(planned, position)
          const { counts, stop } = countOnGpu(webgpuBackend())
          for (const position of [12, 15]) await step(planned, position)
          stop()
          // The image of the test is a buffer of its own each time: of those that were freed.
          expect(counts).toMatchObject({ buffers: 0, bindGroups: 0, readBytes: 2 * 4 })
        },
        { tokens: 3, imageRows: 2 },
      )
      await close()
    },
  )

  it.skipIf(missing || device !== 'webgpu')('a planned step creates nothing on the GPU', async () => {
    await init({ device, software: true })
    await withPlan(someCases[0]!, async ({ run }) => {
      for (const position of [2, 3]) await run(position, 1).likeliest()
      const { counts, stop } = countOnGpu(webgpuBackend())
      for (const position of [4, 5]) await run(position, 1).likeliest()
      stop()
      // Two layers of six dispatches, the embedding, the head with its norm, the choice of a token.
      expect(counts).toMatchObject({ dispatches: 2 * (2 * 6 + 3), submits: 2 * 2, buffers: 0, bindGroups: 0, readBytes: 2 * 4 })
      // The id and the one track; the block of one attention.
      expect(counts).toMatchObject({ uploads: 2 * 2, uploadedBytes: 2 * (8 + 24) })
    })
    await close()
  })
}
