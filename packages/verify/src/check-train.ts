/**
 * A training curve: folders with curve.json and after.safetensors, beside casa/ whose variant "casa" is the start. The same updates
 * are made with the trainer's own parts (groups, schedule, gradients, clipping, AdamW) and compared at every step: factor of the
 * rate, loss, norm of the gradient; then the weights.
 */
import { crossEntropy, keep, tensor } from '@casa-js/tensor'
import { Adamw, groupWeights, solo, trainStep, type Program, type StepResult } from '@casa-js/train'
import { loadCase, type CasaCase } from './check-casa.ts'
import { relativeError, type Check } from './compare.ts'
import type { GoldenFiles } from './tree.ts'

/** curve.json, as make_train.py writes it. */
interface Curve {
  betas: [number, number]
  eps: number
  weight_decay: { matrices: number; vectors: number }
  clip: number
  peak: { new: number; old: number }
  steps: number
  warmup: number
  cooldown: number
  frozen: string[]
  rows: { step: number; factor: number; loss: number; grad_norm: number }[]
}

const TOLERANCE = 1e-4

export async function* verifyTrain(folder: GoldenFiles): AsyncGenerator<Check> {
  const curve = await folder.json<Curve>('curve.json')
  const variant = folder.beside('casa/casa')
  const start = await variant.tensors()
  const loaded = await loadCase(variant, start)
  const images = keep(tensor(loaded.images, start.shape('images')))
  await start.close()
  const { params } = loaded.model
  const optimizer = new Adamw(groupWeights(params, groupsOf(curve), curve.frozen), {
    beta1: curve.betas[0],
    beta2: curve.betas[1],
    epsilon: curve.eps,
  })
  const after = await folder.tensors('after.safetensors')
  try {
    const program: Program<null> = { params, loss: () => lossOf(loaded, images), stream: () => streamOf(loaded) }
    const context = {
      program,
      streams: [streamOf(loaded)],
      optimizer,
      collective: solo,
      schedule: curve,
      clip: curve.clip,
      stopRequested: () => false,
    }
    const rows: StepResult[] = []
    for (let step = 0; step < curve.steps; step++) rows.push(await trainStep(context, step))
    yield worstStep(
      'factor',
      rows.map(({ factor }) => factor),
      curve.rows.map(({ factor }) => factor),
    )
    yield worstStep(
      'loss',
      rows.map(({ loss }) => loss),
      curve.rows.map(({ loss }) => loss),
    )
    yield worstStep(
      'gradient norm',
      rows.map(({ gradientNorm }) => gradientNorm),
      curve.rows.map((row) => row.grad_norm),
    )
    for (const name of after.names()) {
      yield {
        name,
        error: relativeError((await params[name]!.data()) as Float32Array, await after.floats(name)),
        tolerance: TOLERANCE,
      }
    }
  } finally {
    await after.close()
    optimizer.dispose()
    images.dispose()
    loaded.model.dispose()
  }
}

const groupsOf = ({ peak, weight_decay: decay }: Curve) => [
  { name: 'new', match: ['casa.*'], learningRate: peak.new, weightDecay: decay.matrices },
  { name: 'old', match: ['*'], learningRate: peak.old, weightDecay: decay.matrices },
]

const lossOf = ({ model, ids, layout, targets, counted }: CasaCase, images: ReturnType<typeof tensor>) =>
  crossEntropy(model.backbone.logits(model.hidden({ ids, layout, patches: [] }, { images })), targets, counted)

/** The same packed samples at every step. */
const streamOf = ({ ids, counted }: CasaCase) => ({
  next: async () => ({
    batch: null,
    examples: ['golden'],
    tokens: ids.length,
    counted: counted.reduce((sum, weight) => sum + weight, 0),
  }),
  position: () => [],
  seek: () => {},
})

/** Each step's error relative to that step's golden; the worst is reported. */
function worstStep(name: string, actual: number[], golden: number[]): Check {
  const errors = golden.map((value, step) => relativeError([actual[step]!], [value]))
  const worst = errors.reduce((at, error, step) => (Number.isNaN(error) || error > errors[at]! ? step : at), 0)
  return { name, error: errors[worst]!, tolerance: TOLERANCE, note: `worst of ${golden.length} steps: step ${worst}` }
}
