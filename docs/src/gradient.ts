/** The gradient of a small loss on the current device, by the tape and by finite differences. */
import { dispose, keep, linear, mean, multiply, rmsNorm, scope, tensor, valueAndGradients, type Tensor } from '@casa-js/tensor'

export interface GradientCheck {
  loss: number
  /** d loss / d weight, [2, 3] row by row. */
  tape: number[]
  differences: number[]
}

const input = [0.5, -1, 2, 1.5, 0.25, -0.75]
const weights = [0.3, -0.2, 0.5, 0.7, 0.1, -0.4]
/** Large enough for float32: the error of a central difference falls with its square, that of rounding grows with its inverse. */
const step = 1e-2

/** loss = mean(y²), y = rmsNorm(x) W', x [2,3], W [2,3]. */
export async function checkGradient(): Promise<GradientCheck> {
  const x = keep(tensor(input, [2, 3]))
  const norm = keep(tensor([1, 0.9, 1.1], [3]))
  const loss = (weight: Tensor) => {
    const y = linear(rmsNorm(x, norm, { eps: 1e-6 }), weight)
    return mean(multiply(y, y))
  }
  const lossAt = async (values: number[]) => {
    const result = scope(() => loss(tensor(values, [2, 3])))
    const [number] = await result.data()
    dispose(result)
    return number
  }

  const weight = keep(tensor(weights, [2, 3]))
  const { value, gradients } = valueAndGradients(() => loss(weight), [weight])
  const [number] = await value.data()
  const tape = Array.from(await gradients[0]!.data())
  const differences: number[] = []
  for (const i of weights.keys()) {
    const moved = (by: number) => lossAt(weights.map((w, at) => (at === i ? w + by : w)))
    differences.push(((await moved(step))! - (await moved(-step))!) / (2 * step))
  }
  dispose(value, ...gradients, weight, x, norm)
  return { loss: number!, tape, differences }
}
