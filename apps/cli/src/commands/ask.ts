/** `casa ask`: answers a question about pictures. */
import { ArgumentError, CasaError } from '@casa-js/base'
import { close } from '@casa-js/tensor'
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { loadNotices } from '../load-notices.ts'
import {
  baseOption,
  maxPixelsOption,
  modelOption,
  seedOption,
  weightsOption,
  type BaseFlag,
  type WeightsChoice,
} from '../model-options.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { decimal, mostTokens, wholeNumber } from '../terminal/numbers.ts'

interface AskFlags extends DeviceFlags, BaseFlag {
  model: string
  maxTokens: number
  temperature: number
  topK: number
  seed?: number
  capacity?: number
  maxPixels?: number
  weights: WeightsChoice
}

export function register(program: Command): void {
  program
    .command('ask')
    .description('ask a model about one or more pictures')
    .argument(
      '<pictures-and-question...>',
      'picture files (PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP), then the question in quotes',
    )
    .addOption(modelOption())
    .option('--max-tokens <n>', 'longest answer', wholeNumber(1, mostTokens), 64)
    .option('--temperature <t>', '0 takes the likeliest token each time', decimal(0, 100), 0)
    .option('--top-k <k>', 'sample among the k likeliest', wholeNumber(1, mostTokens), 50)
    .addOption(seedOption('seed of the sampling (default: another each time)'))
    .option('--capacity <tokens>', 'text that the model can hold (default: as its config says)', wholeNumber(16, mostTokens))
    .addOption(maxPixelsOption())
    .addOption(baseOption())
    .addOption(weightsOption())
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Examples:
  casa ask sign.png "What does it say?"
  casa ask first.png second.png "What does the second picture show?"
  casa ask photo.jpg "Describe it." --model my-model/ --temperature 0.7`,
    )
    .action(run)
}

/** The pictures and the question. @throws CasaError when one of them is missing. */
function parseGiven(given: readonly string[]): { files: string[]; question: string } {
  const question = given.at(-1) ?? ''
  const example = 'casa ask picture.png "What does it say?"'
  if (/\.(png|jpe?g|webp|gif|avif|tiff?|bmp|heic)$/i.test(question))
    throw new ArgumentError(`the question is missing: the last argument is a picture, ${question}. For example: ${example}`)
  if (question.trim() === '') throw new ArgumentError(`the question is empty. For example: ${example}`)
  const files = given.slice(0, -1)
  // A word without an extension is probably part of an unquoted question that the shell split.
  const cut = files.find((file) => extname(file) === '' && !existsSync(file))
  if (cut) throw new ArgumentError(`${cut}: there is no such picture. Is the question in quotes? For example: ${example}`)
  return { files, question }
}

async function run(given: string[], flags: AskFlags): Promise<void> {
  const { files, question } = parseGiven(given)
  const { temperature, topK, seed = Date.now() % 2 ** 31, maxTokens: maxNewTokens, capacity, maxPixels, weights } = flags
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const [{ loadImage }, { askStreaming, createSampler, loadVlm }] = await Promise.all([
    import('@casa-js/vision'),
    import('@casa-js/vlm'),
  ])
  const limit = maxPixels === undefined ? {} : { maxPixels }
  const images = await Promise.all(files.map((file) => loadImage(file, { ...limit, signal })))
  await startDevice(flags)
  try {
    const notices = loadNotices()
    const vlm = await loadVlm(flags.model, { weights, base: flags.base, signal, ...notices })
    notices.summary()
    if (images.length === 0 && vlm.model.vision)
      throw new CasaError(
        `this model answers about pictures: name at least one before the question. For example: casa ask picture.png "${question}"`,
      )
    const sampler = createSampler(temperature === 0 ? {} : { temperature, topK, seed })
    const options = { maxNewTokens, sampler, signal, ...(capacity !== undefined && { capacityTokens: capacity }) }
    for await (const { text } of askStreaming(vlm, images, question, options)) process.stdout.write(text)
    process.stdout.write('\n')
    vlm.dispose()
  } catch (error) {
    if (signal.aborted) process.stdout.write('\n')
    throw error
  } finally {
    interrupt.release()
    await close()
  }
}
