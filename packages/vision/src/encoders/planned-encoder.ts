/** Images of one size after another, as a video has them: encoded from a plan (@casa-js/tensor's plan), without looking anything up. */
import type { Patches, VisionEncoder } from '@casa-js/core'
import { keep, scope, type Tensor } from '@casa-js/tensor'
import { canPlan, createPlan, isDifferentiating, NoPlan, traceStep, type Plan, type StepTrace } from '@casa-js/tensor/internal'

/** Sizes that are known at a time, each with the memory of its plan. */
const mostSizes = 2

interface KnownSize {
  key: string
  /** Of an earlier image, with its values. */
  trace?: { trace: StepTrace; values: Float32Array }
  plan?: Plan | NoPlan
}

export interface PlannedEncoder {
  /** The image tokens, as `encode` of the encoder gives them: [tokens, outputWidth], kept. */
  encode(image: Patches): Tensor
  /** Images that were encoded from a plan, and why the last attempt to make one failed. */
  readonly use: { readonly images: number; readonly refused?: string }
  /** Free the plans. It may be used again. */
  dispose(): void
}

const noIds = new Int32Array(0)

/**
 * An encoder's images, one at a time. Two of a size are traced; later ones of it run from a plan. Its weights must stay the tensors that they
 * are. Not while gradients are computed, nor on the cpu device.
 */
export function planEncoder(encoder: Pick<VisionEncoder, 'encode'>): PlannedEncoder {
  /** The one used last comes last. */
  let sizes: KnownSize[] = []
  const use: { images: number; refused?: string } = { images: 0 }

  function free({ plan }: KnownSize) {
    if (plan && !(plan instanceof NoPlan)) plan.dispose()
  }

  function sizeOf({ grid, valuesPerPatch }: Patches): KnownSize {
    const key = [grid.rows, grid.columns, valuesPerPatch].join()
    const size = sizes.find((each) => each.key === key) ?? { key }
    sizes = [...sizes.filter((each) => each !== size), size]
    if (sizes.length > mostSizes) free(sizes.shift()!)
    return size
  }

  function addTrace(size: KnownSize, trace: StepTrace, values: Float32Array) {
    const before = size.trace
    // Of the same image twice, what is computed from its values on the host would pass for a constant.
    if (!before || before.values.every((value, i) => value === values[i])) return void (size.trace = { trace, values })
    delete size.trace
    size.plan = createPlan(before.trace, trace)
    if (size.plan instanceof NoPlan) use.refused = size.plan.why
  }

  return {
    use,
    encode(image) {
      const encode = () => scope(() => keep(encoder.encode([image])))
      if (!canPlan() || isDifferentiating()) return encode()
      const size = sizeOf(image)
      const { values } = image
      if (size.plan instanceof NoPlan) return encode()
      if (size.plan) {
        use.images++
        return keep(size.plan.run([], noIds, { values }).tensor())
      }
      const { logits: tokens, trace } = traceStep(noIds, {}, encode, { values })
      addTrace(size, trace, values.slice())
      return tokens
    },
    dispose() {
      for (const size of sizes) free(size)
      sizes = []
    },
  }
}
