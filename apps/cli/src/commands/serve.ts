/** `casa serve`: serves a model with an OpenAI-compatible API. */
import { close } from '@casa-js/tensor'
import { type Command, Option } from 'commander'
import { basename, resolve } from 'node:path'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { loadNotices } from '../load-notices.ts'
import { baseOption, weightsOption, type BaseFlag, type WeightsChoice } from '../model-options.ts'
import { shippedModel } from '../shipped.ts'
import { err } from '../terminal/colours.ts'
import { Interrupted, onInterrupt } from '../terminal/interrupt.ts'
import { mostTokens, wholeNumber } from '../terminal/numbers.ts'

interface ServeFlags extends DeviceFlags, BaseFlag {
  port: number
  host: string
  name?: string
  token?: string
  allowHttpImages?: boolean
  allowPrivateAddresses?: boolean
  maxTokens: number
  capacity: number
  maxPixels: number
  maxBody: number
  running: number
  queue: number
  keep: number
  streams: number
  grace: number
  weights: WeightsChoice
}

export function register(program: Command): void {
  program
    .command('serve')
    .description("serve a model to clients that speak OpenAI's chat completions")
    .argument('[model]', 'model folder (default: the model that comes with casa)')
    .option('--port <n>', '0 takes a free one', wholeNumber(0, 65_535), 8000)
    .option('--host <address>', 'where to listen; any but this machine needs --token', '127.0.0.1')
    .option('--name <name>', "what requests call the model (default: the folder's name)")
    .addOption(new Option('--token <text>', 'clients send it as "Authorization: Bearer .."').env('CASA_SERVE_TOKEN'))
    .option('--allow-http-images', 'fetch pictures from public http(s) addresses that clients name')
    .option('--allow-private-addresses', 'and from those of this machine and its network')
    .option('--max-tokens <n>', 'longest answer, where a request does not say', wholeNumber(1, mostTokens), 512)
    .option('--capacity <tokens>', 'longest conversation', wholeNumber(16, mostTokens), 4096)
    .option('--max-pixels <n>', "most pixels of a request's pictures together", wholeNumber(1, 2 ** 31), 32_000_000)
    .option(
      '--max-body <bytes>',
      'largest request, and largest picture that is fetched',
      wholeNumber(1000, 2 ** 31),
      20 * 2 ** 20,
    )
    .option('--running <n>', 'answers generated at once, by turns', wholeNumber(1, 256), 4)
    .option('--queue <n>', 'requests that wait; more are told to come again (429)', wholeNumber(0, 100_000), 32)
    .option('--keep <n>', 'conversations kept for their next message', wholeNumber(0, 10_000), 8)
    .option('--streams <n>', 'videos captioned at once, by WebSocket', wholeNumber(0, 256), 2)
    .option('--grace <seconds>', 'time that running answers have after Ctrl-C', wholeNumber(0, 3600), 10)
    .addOption(baseOption())
    .addOption(weightsOption())
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Examples:
  casa serve                                       the model that comes with casa, on http://127.0.0.1:8000/v1
  casa serve my-model/ --port 9000 --name mine
  CASA_SERVE_TOKEN=... casa serve --host 0.0.0.0   for other machines, which send the token
  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model": "mine", "messages": [{"role": "user", "content": "Hello"}]}'`,
    )
    .action(run)
}

async function run(model: string | undefined, flags: ServeFlags): Promise<void> {
  const folder = model ?? shippedModel
  const modelId = flags.name ?? (model === undefined ? 'casa' : basename(resolve(model)))
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const [{ serve }, { loadVlm }] = await Promise.all([import('@casa-js/serve'), import('@casa-js/vlm')])
  await startDevice(flags)
  try {
    const notices = loadNotices()
    const vlm = await loadVlm(folder, { weights: flags.weights, base: flags.base, signal, ...notices })
    notices.summary()
    const server = await serve(vlm, {
      modelId,
      port: flags.port,
      host: flags.host,
      token: flags.token,
      allowHttpImages: flags.allowPrivateAddresses ? 'private' : flags.allowHttpImages,
      maxTokens: flags.maxTokens,
      capacityTokens: flags.capacity,
      maxPixels: flags.maxPixels,
      maxBodyBytes: flags.maxBody,
      maxRunning: flags.running,
      maxWaiting: flags.queue,
      keptConversations: flags.keep,
      maxStreams: flags.streams,
      onError: (error) => console.error(error),
    })
    console.log(`serving "${modelId}" on ${server.url}/v1`)
    console.error(err.dim('Ctrl-C ends it, a second one at once'))
    await new Promise<void>((stop) => {
      if (signal.aborted) stop()
      else signal.addEventListener('abort', () => stop(), { once: true })
    })
    await server.close(flags.grace * 1000)
    vlm.dispose()
    // A stop request is the normal end of a server.
    process.exitCode = 0
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.exitCode = error.exitCode
  } finally {
    interrupt.release()
    await close()
  }
}
