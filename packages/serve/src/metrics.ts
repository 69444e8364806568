/** The content of /metrics, in Prometheus' text format. */
import { memory } from '@casa-js/tensor'
import type { Completion, KeptConversations } from '@casa-js/vlm/internal'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Captions } from './captions.ts'
import type { Turns } from './turns.ts'

/** Created by `createMetrics`. */
export interface Metrics {
  readonly contentType: string
  /** @returns the page */
  text(): Promise<string>
  /** A completion request ended with this HTTP status, or its client disconnected ("gone"). */
  answered(status: number | 'gone', seconds: number): void
  /** The first token of an answer was generated, this long after its request arrived. */
  firstToken(seconds: number): void
  completed(completion: Completion): void
  /** A frame of a video was captioned, and this many before it were dropped. */
  captioned(dropped: number): void
}

/** @returns a separate set of counters, so that a process can run several servers */
export function createMetrics(turns: Turns, kept: KeptConversations, captions: Pick<Captions, 'streams'>): Metrics {
  const registers = [new Registry()] as const
  const [registry] = registers
  const counter = (name: string, help: string) => new Counter({ name, help, registers: [...registers] })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [...registers],
      collect() {
        this.set(read())
      },
    })
  const buckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]
  const requests = new Histogram({
    name: 'casa_request_seconds',
    help: 'Requests for an answer, by the status they ended with.',
    labelNames: ['status'] as const,
    buckets,
    registers: [...registers],
  })
  const first = new Histogram({
    name: 'casa_time_to_first_token_seconds',
    help: 'From a request to the first token of its answer, waiting included.',
    buckets,
    registers: [...registers],
  })
  const prompt = counter('casa_prompt_tokens_total', 'Tokens of prompts.')
  const cached = counter('casa_cached_prompt_tokens_total', 'Tokens of prompts that a kept conversation held already.')
  const generated = counter('casa_generated_tokens_total', 'Tokens of answers.')
  gauge('casa_running_requests', 'Answers being generated.', () => turns.running)
  gauge('casa_waiting_requests', 'Requests that wait for their turn.', () => turns.waiting)
  gauge('casa_kept_conversations', 'Conversations kept for their next message.', () => kept.count)
  const frames = counter('casa_caption_frames_total', 'Frames of videos that were captioned.')
  const droppedFrames = counter('casa_caption_dropped_frames_total', 'Frames of videos that were dropped for newer ones.')
  gauge('casa_caption_streams', 'Videos being captioned.', () => captions.streams)
  gauge('process_resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss())
  gauge('casa_tensors', 'Tensors on the device.', () => memory().tensors)
  gauge('casa_tensor_bytes', 'Bytes of the tensors on the device.', () => memory().bytes)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    answered: (status, seconds) => requests.observe({ status }, seconds),
    firstToken: (seconds) => first.observe(seconds),
    completed({ promptTokens, cachedTokens, completionTokens }) {
      prompt.inc(promptTokens)
      cached.inc(cachedTokens)
      generated.inc(completionTokens)
    },
    captioned(dropped) {
      frames.inc()
      droppedFrames.inc(dropped)
    },
  }
}
