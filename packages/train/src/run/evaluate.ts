/** Held-out examples: the loss on their answers, and whether the model's own answer is exactly the expected one. */
import { CasaError } from '@casa-js/base'
import { type Dataset, type Example, type Message, type RgbImage } from '@casa-js/core'
import { BrokenExampleError, packPrepared, prepareSample, type PreparedSample } from '@casa-js/data/packing'
import { dispose, keep, scope } from '@casa-js/tensor'
import { encodeChat } from '@casa-js/tokenizers'
import { encodePng } from '@casa-js/vision'
import { answer, type Vlm } from '@casa-js/vlm'
import type { Evaluation, HeldOut, Share, ReportAnswered } from '../program.ts'

export interface EvaluateSettings {
  /** Of each dataset. */
  examples: number
  maxNewTokens: number
  /** Examples of each dataset that carry their pictures. */
  shown: number
  budgets: { textTokens: number; imageTokens: number }
}

/**
 * Answers this rank's part of the held-out examples, and takes the loss on their answers.
 */
export async function evaluateVlm(
  vlm: Vlm,
  datasets: Dataset[],
  settings: EvaluateSettings,
  { rank, ranks }: Share,
  onAnswered: ReportAnswered,
): Promise<Evaluation> {
  const prepared: PreparedSample[] = []
  const examples: HeldOut[] = []
  const ours = datasets.flatMap((dataset) => {
    const count = Math.min(settings.examples, dataset.length)
    return Array.from({ length: Math.ceil(Math.max(0, count - rank) / ranks) }, (_, n) => ({ dataset, i: rank + n * ranks }))
  })
  for (const [answered, { dataset, i }] of ours.entries()) {
    onAnswered(answered, ours.length)
    const example = await dataset.get(i).catch(leaveOutBroken)
    if (!example) continue
    const { id, task, messages } = example
    const { prompt, expected } = splitAnswer(example)
    const predicted = await answer(vlm, prompt, { maxNewTokens: settings.maxNewTokens })
    const pictures = i < settings.shown ? await Promise.all(imagesOf(prompt).map(encodePng)) : undefined
    const question = textOf(prompt.at(-1)!)
    examples.push({ id, task, correct: sameAnswer(predicted, expected), question, expected, predicted, pictures })
    prepared.push(prepareSample(encodeChat(messages, vlm), vlm.model, `example ${id}`))
  }
  return { ...(await heldOutLoss(vlm, prepared, settings.budgets)), examples }
}

/** A corrupt picture loses only its example, not the run. */
function leaveOutBroken(error: unknown): undefined {
  if (!BrokenExampleError.isInstance(error)) throw error
}

/** Exact match, ignoring white space around and between words. */
export const sameAnswer = (predicted: string, expected: string) => words(predicted) === words(expected)

const words = (text: string) => text.trim().split(/\s+/).join(' ')
const textOf = ({ content }: Message) => content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(' ')
const imagesOf = (messages: Message[]): RgbImage[] =>
  messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image] : [])))

function splitAnswer({ id, messages }: Example): { prompt: Message[]; expected: string } {
  const last = messages.at(-1)
  if (last?.role !== 'assistant') throw new CasaError(`example ${id}: held-out examples must end with the assistant's answer`)
  return { prompt: messages.slice(0, -1), expected: textOf(last) }
}

async function heldOutLoss(
  vlm: Vlm,
  prepared: PreparedSample[],
  budgets: EvaluateSettings['budgets'],
): Promise<{ lossSum: number; counted: number }> {
  const total = { lossSum: 0, counted: 0 }
  for (const samples of withinBudgets(prepared, budgets)) {
    const batch = packPrepared(samples)
    const loss = scope(() => keep(vlm.model.loss(batch)))
    const counted = batch.weights.reduce((sum, weight) => sum + weight, 0)
    total.lossSum += (await loss.data())[0]! * counted
    total.counted += counted
    dispose(loss)
  }
  return total
}

function withinBudgets(prepared: PreparedSample[], { textTokens, imageTokens }: EvaluateSettings['budgets']): PreparedSample[][] {
  const batches: PreparedSample[][] = []
  let text = Infinity
  let images = Infinity
  for (const sample of prepared) {
    text += sample.ids.length
    images += sample.imageTokens
    if (text > textTokens || images > imageTokens) {
      batches.push([])
      text = sample.ids.length
      images = sample.imageTokens
    }
    batches.at(-1)!.push(sample)
  }
  return batches
}
