/**
 * Mutated files against the readers of untrusted data: safetensors and GGUF files, shard indexes, and the parsers of config.json.
 *
 *   node scripts/fuzz.mjs [cases = 100000] [seed = 1]
 *
 * Each target runs in a process of its own, so that a crash, a hang or growing memory is seen from outside, and the case that did it
 * can be named. Exits 1 at the first input that is refused with anything but a typed error.
 */
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const hangMs = 120_000
/** For one case; generous, because a busy machine may stop a process for a while. */
const limitMs = 20_000
/** The heap of a process; a header of a few kilobytes has no business near it. */
const heapMb = 256

const targets = {
  async safetensors() {
    const { safetensorsTarget } = await import('../packages/weights/src/fuzz/index.ts')
    return safetensorsTarget(await seedFiles())
  },
  async gguf() {
    const { ggufTarget } = await import('../packages/weights/src/fuzz/index.ts')
    const fixtures = join(root, 'packages/weights/fixtures/gguf')
    return ggufTarget(['types', 'llama', 'spm'].map((name) => readFileSync(join(fixtures, `${name}.gguf`))))
  },
  async 'shard index'() {
    const { safetensorsTarget } = await import('../packages/weights/src/fuzz/index.ts')
    const { parseShardIndex } = await import('../packages/weights/src/safetensors/shards.ts')
    const seeds = [readFileSync(join(root, 'packages/weights/fixtures/llama-helium1-bf16-sharded/model.safetensors.index.json'))]
    return { ...safetensorsTarget(seeds), read: (bytes) => parseShardIndex('index', new TextDecoder().decode(bytes)) }
  },
  async 'config.json'() {
    const { configTarget } = await import('../packages/weights/src/fuzz/index.ts')
    const { parseVlmConfig, allTensors } = await import('../packages/vlm/src/index.ts')
    // A config that is accepted must also be one whose tensor table can be made.
    return configTarget((json) => allTensors(parseVlmConfig(json)), configs())
  },
}

/** Small files of every kind: several dtypes, bf16, and quantised. */
async function seedFiles() {
  const { convertModelFolder, memoryFolder } = await import('../packages/weights/src/index.ts')
  const fixtures = join(root, 'packages/weights/fixtures')
  const bf16 = readFileSync(join(fixtures, 'llama-helium1-bf16-sharded/model-00003-of-00003.safetensors'))
  const quantized = memoryFolder('quantized')
  await convertModelFolder(memoryFolder('bf16', new Map([['model.safetensors', bf16]])), quantized, { dtype: 'Q4' })
  return [readFileSync(join(fixtures, 'half.safetensors')), bf16, quantized.files.get('model.safetensors')]
}

/** The config.json files of all fixtures, of both layouts, and one of our own model folders made of them. */
function configs() {
  const folders = ['packages/backbones/fixtures', 'packages/vlm/fixtures', 'packages/vision/src/fixtures']
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((path) => join(root, folder, path)),
  )
  const found = files.filter((path) => /config(\.v4)?\.json$/.test(path)).map((path) => JSON.parse(readFileSync(path, 'utf8')))
  const text = found.find((config) => config.model_type === 'llama')
  const vision = found.find((config) => config.vision_config)?.vision_config
  const ours = {
    model_type: 'casa_vlm',
    text_config: text,
    vision_config: { ...vision, model_type: 'qwen2_5_vl' },
    fusion_config: { kind: 'casa' },
  }
  return [...found, ours]
}

async function runChild(name, cases, seed) {
  const { fuzz } = await import('../packages/weights/src/fuzz/index.ts')
  const target = await targets[name]()
  for (const input of target.seeds) await target.read(input)
  try {
    const onCase = (index) => index % 100 === 0 && process.send({ index })
    const report = await fuzz(target, { cases, seed, limitMs, onCase })
    process.send({ report: { ...report, peakMb: Math.round(process.resourceUsage().maxRSS / 1024) } })
  } catch (error) {
    process.send({ failure: error.message, input: JSON.stringify(error.input)?.slice(0, 2000) })
  }
  process.disconnect()
}

/** Resolves to whether all cases passed. */
function runTarget(name, cases, seed) {
  return new Promise((resolve) => {
    const execArgv = ['--conditions=@casa-js/source', '--import', 'tsx', `--max-old-space-size=${heapMb}`]
    const child = fork(fileURLToPath(import.meta.url), ['--target', name, cases, seed], { execArgv })
    const started = performance.now()
    let index = 0
    let ended
    let watchdog
    const feed = () => {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => {
        ended = `hangs after case ${index}`
        child.kill('SIGKILL')
      }, hangMs)
    }
    feed()
    child.on('message', (message) => {
      feed()
      index = message.index ?? index
      ended = message.report ?? message.failure ?? ended
      if (message.input) console.error(message.input)
    })
    child.on('close', (code) => {
      clearTimeout(watchdog)
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      if (typeof ended !== 'object') {
        console.log(`${name}: FAILED: ${ended ?? `the process ended (${code}) after case ${index}`}`)
        return resolve(false)
      }
      const refused = Object.entries(ended.refused)
        .sort(([, a], [, b]) => b - a)
        .map(([rule, count]) => `${rule} ${count}`)
      console.log(
        `${name}: ${ended.cases} mutated inputs in ${seconds} s: ${ended.accepted} accepted, the others refused with typed errors`,
      )
      console.log(`  ${refused.join(', ')}`)
      console.log(`  slowest ${ended.slowestMs.toFixed(1)} ms, peak memory of the process ${ended.peakMb} MB`)
      resolve(true)
    })
  })
}

if (process.argv[2] === '--target') {
  await runChild(process.argv[3], Number(process.argv[4]), Number(process.argv[5]))
} else {
  const [cases = '100000', seed = '1'] = process.argv.slice(2)
  const passed = []
  for (const name of Object.keys(targets)) passed.push(await runTarget(name, cases, seed))
  process.exitCode = passed.every(Boolean) ? 0 : 1
}
