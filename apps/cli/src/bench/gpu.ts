/**
 * `casa bench gpu`: decoding on this device beside the roofline of known ones. Weights are random words, as time does not depend on them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { add, close, dispose, fill, type DeviceReport } from '@casa-js/tensor'
import { createSampler, createSession } from '@casa-js/vlm'
import { allTensors, bindVlm, parseVlmConfig } from '@casa-js/vlm/internal'
import { startDevice } from '../device.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { writeWhole } from '../terminal/outputs.ts'
import { gpuShapes, type GpuFlags, type GpuShape } from './gpu-shapes.ts'
import { randomParams } from './random-params.ts'
import { devices, leastMs, tokenWork, type Format, type TokenWork } from './roofline.ts'
import { settled } from './settled.ts'

/** One format on this device. */
export interface GpuRow extends TokenWork {
  format: Format
  contextTokens: number
  /** Median of the steps. */
  measuredMs: number
  /** Of the context: from its ids to the token after it. */
  promptMs: number
  leastMs: Record<string, number>
}

export interface GpuReport {
  device: Pick<DeviceReport, 'device' | 'adapter' | 'software' | 'threads'>
  shape: GpuShape
  /** Of adding two large tensors: two read, one written. */
  copyGigabytesPerSecond: number
  rows: GpuRow[]
}

export async function benchGpu(flags: GpuFlags): Promise<void> {
  const interrupt = onInterrupt()
  try {
    const { device, adapter, software, threads } = await startDevice(flags)
    const isGpu = device === 'webgpu' && !software
    const copyGigabytesPerSecond = isGpu ? await measureCopy(2 ** 26, 20) : await measureCopy(2 ** 16, 1)
    const rows: GpuRow[] = []
    for (const format of flags.formats) rows.push(await measureFormat(flags, format, isGpu, interrupt.signal))
    const report: GpuReport = { device: { device, adapter, software, threads }, shape: flags.shape, copyGigabytesPerSecond, rows }
    console.log(gpuTable(report))
    const json = JSON.stringify(report)
    if (flags.out === undefined) console.log(`\n${json}`)
    else await writeWhole(flags.out, `${json}\n`)
  } finally {
    interrupt.release()
    await close()
  }
}

/** @param inARow additions between two waits, so that waiting counts little */
async function measureCopy(values: number, inARow: number): Promise<number> {
  const [a, b] = [fill([values], 1), fill([values], 2)]
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const start = performance.now()
    for (let n = 1; n < inARow; n++) dispose(add(a, b))
    const sum = add(a, b)
    await settled(sum)
    times.push((performance.now() - start) / inARow)
    dispose(sum)
  }
  dispose(a, b)
  return (12 * values) / median(times) / 1e6
}

/** Prompts at the least. */
const promptRuns = 4
const warmUpMs = 700

async function measureFormat(flags: GpuFlags, format: Format, isGpu: boolean, signal: AbortSignal): Promise<GpuRow> {
  const { shape, context: contextTokens, tokens } = flags
  const json = gpuShapes[shape]
  const config = parseVlmConfig({ ...json })
  const table = allTensors(config)
  const model = bindVlm(config, randomParams(table, format))
  try {
    const sampler = createSampler()
    const history = Array.from({ length: contextTokens }, (_, i) => (i * 31) % json.vocab_size)
    const prompts: number[] = []
    const begin = async () => {
      const session = createSession(model, { capacityTokens: contextTokens + tokens + 8 })
      const start = performance.now()
      const id = await session.choose({ ids: Int32Array.from(history), images: [] }, sampler, [], { signal })
      prompts.push(performance.now() - start)
      return { session, id }
    }
    // The first compiles. A GPU that was idle needs a while to run at its full rate.
    const warm = performance.now() + warmUpMs
    for (let i = 0; i < promptRuns || (performance.now() < warm && isGpu); i++) (await begin()).session.dispose()
    const begun = await begin()
    const { session } = begun
    let { id } = begun
    const times: number[] = []
    for (let i = 0; i < tokens + 3; i++) {
      const start = performance.now()
      id = await session.choose({ ids: Int32Array.of(id), images: [] }, sampler, history, { signal })
      times.push(performance.now() - start)
    }
    session.dispose()
    // The first steps make the plan.
    const measuredMs = median(times.slice(3))
    const attention = {
      layers: json.num_hidden_layers,
      heads: json.num_attention_heads,
      kvHeads: json.num_key_value_heads,
      headSize: json.head_dim,
    }
    const work = tokenWork(table, { isTied: json.tie_word_embeddings, attention, format, contextTokens })
    return {
      format,
      contextTokens,
      ...work,
      measuredMs,
      promptMs: median(prompts.slice(-promptRuns)),
      leastMs: Object.fromEntries(devices.map((device) => [device.name, leastMs(work, device)])),
    }
  } finally {
    model.dispose()
    // The pool of the device frees buffers between tasks.
    await sleep(0)
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
}

/** With this many digits behind the point; what would be 0 so, with two that are not. */
const rounded = (value: number, places: number): string =>
  value >= 10 ** -places ? value.toFixed(places) : String(Number(value.toPrecision(2)))

/** Milliseconds of one decoded token: the least that known devices need, and what this one took. */
export function gpuTable({ device, shape, copyGigabytesPerSecond, rows }: GpuReport): string {
  const here = `${device.adapter || device.device}${device.software ? ' (software)' : ''}`
  const lines = rows.map((row) => {
    const megabytes = (bytes: number) => rounded(bytes / 1e6, 1)
    const known = devices.map(({ name }) => rounded(row.leastMs[name]!, 3))
    const bound = (row.weightBytes + row.cacheBytes) / copyGigabytesPerSecond / 1e6
    const cells = [megabytes(row.weightBytes), megabytes(row.cacheBytes), rounded(row.operations / 1e6, 0), ...known]
    return `| ${row.format} | ${[...cells, rounded(bound, 3), rounded(row.measuredMs, 3), rounded(row.measuredMs / bound, 1), rounded(row.promptMs, 1)].join(' | ')} |`
  })
  return `One token of ${shape} after ${rows[0]?.contextTokens ?? 0} others, on ${here}, which moves ${rounded(copyGigabytesPerSecond, 1)} GB/s when it adds two tensors.
Milliseconds: the least by bandwidth and peak of known devices, the least by this one's measured bandwidth, and measured; and of the prompt.

| weights | MB of weights | MB of cache | Mops | ${devices.map(({ name }) => name).join(' | ')} | here, least | here, measured | times | prompt |
| --- | ---: | ---: | ---: | ${devices.map(() => '---:').join(' | ')} | ---: | ---: | ---: | ---: |
${lines.join('\n')}`
}
