/** `casa ask`: a question about pictures. */
import { ArgumentError } from '@casa-js/base'
import { close, type DeviceName } from '@casa-js/tensor'
import type { Command } from 'commander'
import { deviceOption, startDevice } from '../device.ts'
import { numberOf, weightsOption, type WeightsChoice } from '../model-options.ts'
import { shippedModel } from '../shipped.ts'

interface AskFlags {
  model: string
  device: 'auto' | DeviceName
  maxTokens: string
  temperature: string
  topK: string
  seed?: string
  weights: WeightsChoice
}

export function register(program: Command): void {
  program
    .command('ask')
    .description('ask a model about one or more pictures')
    .argument('<pictures-and-question...>', 'picture files (PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP), then the question')
    .option('--model <folder>', 'model folder', shippedModel)
    .option('--max-tokens <n>', 'longest answer', '64')
    .option('--temperature <t>', '0 takes the likeliest token each time', '0')
    .option('--top-k <k>', 'sample among the k likeliest', '50')
    .option('--seed <n>', 'seed of the sampling')
    .addOption(weightsOption())
    .addOption(deviceOption())
    .addHelpText(
      'after',
      '\nExamples:\n  casa ask sign.png "What does it say?"\n  casa ask first.png second.png "What does the second picture show?"\n  casa ask photo.jpg "Describe it." --model my-model/ --temperature 0.7',
    )
    .action(run)
}

async function run(given: string[], flags: AskFlags): Promise<void> {
  const question = given.at(-1)!
  const files = given.slice(0, -1)
  if (/\.(png|jpe?g|webp)$/i.test(question))
    throw new ArgumentError(`the last argument must be the question, found a picture: ${question}`)
  const maxNewTokens = numberOf('--max-tokens', flags.maxTokens, 1)
  const temperature = numberOf('--temperature', flags.temperature, 0)
  const topK = numberOf('--top-k', flags.topK, 1)
  const seed = flags.seed === undefined ? Date.now() % 2 ** 31 : numberOf('--seed', flags.seed, 0)

  const [{ loadImage }, { askStreaming, createSampler, loadVlm }] = await Promise.all([
    import('@casa-js/vision'),
    import('@casa-js/vlm'),
  ])
  const images = await Promise.all(files.map((file) => loadImage(file)))
  await startDevice(flags.device)
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  try {
    const vlm = await loadVlm(flags.model, { weights: flags.weights, signal: interrupted.signal })
    const sampler = createSampler(temperature === 0 ? {} : { temperature, topK, seed })
    for await (const { text } of askStreaming(vlm, images, question, { maxNewTokens, sampler, signal: interrupted.signal }))
      process.stdout.write(text)
    process.stdout.write('\n')
    vlm.dispose()
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    process.stdout.write('\n')
  } finally {
    await close()
  }
}
