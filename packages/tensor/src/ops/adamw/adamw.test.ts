import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { tensor, zeros } from '../create/index.ts'
import { clone } from '../shape/index.ts'
import { adamwStep, type AdamWSettings } from './index.ts'

const settings: AdamWSettings = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  step: 1,
  gradientScale: 1,
}
const shapes = [[], [0], [1], [7], [3, 5], [70, 33]]

await describeOp(
  'adamwStep',
  shapes.map((shape): OpCase => ({
    name: `[${shape}], third step, clipped`,
    inputs: {
      parameter: randomTensor(shape, 1),
      firstMoment: randomTensor(shape, 2),
      secondMoment: { data: randomTensor(shape, 3).data.map(Math.abs), shape },
      gradient: randomTensor(shape, 4),
    },
    run: ({ parameter, firstMoment, secondMoment, gradient }) => {
      adamwStep(
        { parameter: parameter!, firstMoment: firstMoment!, secondMoment: secondMoment!, gradient: gradient! },
        { ...settings, step: 3, gradientScale: 0.3 },
      )
      return { parameter: clone(parameter!), firstMoment: clone(firstMoment!), secondMoment: clone(secondMoment!) }
    },
    differentiate: [],
  })),
)

await describeOp('adamwStep with a slow second moment', [
  {
    name: 'beta2 0.999 keeps its digits',
    inputs: { parameter: randomTensor([37], 1), gradient: randomTensor([37], 2) },
    run: ({ parameter, gradient }) => {
      const [firstMoment, secondMoment] = [zeros([37]), zeros([37])]
      adamwStep({ parameter: parameter!, firstMoment, secondMoment, gradient: gradient! }, { ...settings, beta2: 0.999 })
      return { parameter: clone(parameter!), firstMoment, secondMoment }
    },
    differentiate: [],
    tolerance: { forward: 5e-6 },
  },
])

describe('adamwStep', () => {
  beforeAll(() => init({ device: 'wasm' }))

  /** Parameters after steps with these gradients. */
  async function train(start: ArrayLike<number>, gradients: ArrayLike<number>[], given: AdamWSettings): Promise<number[]> {
    const shape = [start.length]
    const state = { parameter: tensor(start, shape), firstMoment: zeros(shape), secondMoment: zeros(shape) }
    gradients.forEach((values, i) => {
      const gradient = tensor(values, shape)
      adamwStep({ ...state, gradient }, { ...given, step: i + 1 })
      dispose(gradient)
    })
    const values = Array.from(await state.parameter.data())
    dispose(...Object.values(state))
    return values
  }

  it('follows torch.optim.AdamW', async () => {
    // PyTorch 2.13, float64: AdamW([p], lr=0.1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1), three steps.
    const gradients = [
      [0.1, -0.2, 3],
      [-1, 0.5, 0.01],
      [0, 0.3, -2],
    ]
    const expected = [0.9903102363, -1.9467470589, 0.3118469626]
    ;(await train([1, -2, 0.5], gradients, settings)).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
  })

  it('follows a double-precision loop written from the formulas over 50 steps', async () => {
    const size = 37
    const given = { ...settings, learningRate: 3e-3, weightDecay: 0.01, gradientScale: 0.5 }
    const gradients = Array.from({ length: 50 }, (_, i) => randomValues(size, 100 + i))
    const start = randomValues(size, 1)
    const expected = Array.from(start, (initial, i) => {
      let [p, m, v] = [initial, 0, 0]
      gradients.forEach((gradient, s) => {
        const g = gradient[i]! * given.gradientScale
        p -= given.learningRate * given.weightDecay * p
        m = given.beta1 * m + (1 - given.beta1) * g
        v = given.beta2 * v + (1 - given.beta2) * g * g
        const [mHat, vHat] = [m / (1 - given.beta1 ** (s + 1)), v / (1 - given.beta2 ** (s + 1))]
        p -= (given.learningRate * mHat) / (Math.sqrt(vHat) + given.eps)
      })
      return p
    })
    ;(await train(start, gradients, given)).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
  })

  it('refuses tensors of two shapes and steps from 0', () => {
    const [one, two] = [zeros([1]), zeros([2])]
    const state = { parameter: two, firstMoment: two, secondMoment: two }
    expect(() => adamwStep({ ...state, gradient: one }, settings)).toThrow('adamwStep: gradient has shape [1], expected [2]')
    expect(() => adamwStep({ ...state, gradient: two }, { ...settings, step: 0 })).toThrow('step counts from 1, got 0')
    dispose(one, two)
  })
})
