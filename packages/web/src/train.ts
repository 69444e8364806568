/** Training on pictures that a page sent: the code of `casa train`, on examples in memory. */
import { ArgumentError } from '@casa-js/base'
import type { Example } from '@casa-js/core'
import { BrokenExampleError } from '@casa-js/data/packing'
import { fromScratch, trainVlm } from '@casa-js/train'
import type { Vlm } from '@casa-js/vlm'
import { decodePicture, pictureName } from './picture.ts'
import type { TrainEvent, TrainExample, TrainSettings } from './protocol.ts'

/** Twenty pictures of four kinds are learnt in about ten updates at this rate; reading, which is not repeated, is kept. */
const defaultRate = 3e-4
const defaultSteps = 20

/**
 * Trains `vlm`, whose weights are float32, in place.
 *
 * @throws ArgumentError without examples; ImageError when a picture cannot be decoded, before the first update; DivergedError
 */
export async function trainOnPictures(
  vlm: Vlm,
  settings: TrainSettings,
  onEvent: (event: TrainEvent) => void,
  signal: AbortSignal,
): Promise<{ steps: number; stopped: boolean }> {
  const { examples, heldOut = [], steps = defaultSteps, learningRate = defaultRate } = settings
  if (examples.length === 0)
    throw new ArgumentError('train: there are no examples: give a picture, a question and an answer each')
  // Decoded once to be checked, and again whenever they are needed: photos would fill the memory otherwise.
  for (const [i, example] of [...examples, ...heldOut].entries()) {
    signal.throwIfAborted()
    if (example.answer.trim() === '') throw new ArgumentError(`train: ${nameOf(example, i)} has no answer`)
    await decodePicture(example.picture, nameOf(example, i))
  }
  let last = { steps: 0, stopped: false }
  const events = trainVlm(vlm, {
    data: datasetOf('examples', examples),
    ...(heldOut.length > 0 && { evaluate: { data: [datasetOf('held out', heldOut)], every: settings.evaluateEvery } }),
    steps,
    schedule: { warmup: Math.min(2, steps) },
    groups: fromScratch(learningRate),
    batch: settings.batch ?? { textTokens: 512, imageTokens: 1024 },
    seed: settings.seed,
    signal,
    onWarning: (message) => onEvent({ kind: 'warning', message }),
  })
  for await (const event of events) {
    if (event.kind === 'checkpoint') continue
    if (event.kind === 'end') last = { steps: event.step, stopped: event.stopped }
    onEvent(event)
  }
  return last
}

const nameOf = ({ id, picture }: TrainExample, i: number): string => id ?? pictureName(picture, `picture ${i + 1}`)

function datasetOf(name: string, examples: TrainExample[]) {
  return {
    name,
    length: examples.length,
    async get(i: number): Promise<Example> {
      const { picture, question, answer } = examples[i]!
      const id = nameOf(examples[i]!, i)
      const image = await decodePicture(picture, id).catch((error: Error) => {
        throw new BrokenExampleError(error.message, { cause: error })
      })
      return {
        id,
        task: name,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image', image },
              { type: 'text', text: question },
            ],
          },
          { role: 'assistant', content: [{ type: 'text', text: answer }] },
        ],
      }
    },
  }
}
