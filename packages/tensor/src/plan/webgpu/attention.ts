/**
 * Attention of one segment over a cache that grows: attention's own programs. What changes from step to step is the list of blocks, a few
 * integers, which lies in a buffer. The keys are divided among workgroups as for the fullest cache; those that find no keys write an
 * empty part.
 */
import { cutAxis } from '../../engine/webgpu/cuts.ts'
import { lowest } from '../../engine/webgpu/snippets.ts'
import { unbounded, type AttentionAttributes } from '../../ops/attention/attributes.ts'
import { divideKeys, forwardFor, uniformsOf } from '../../ops/attention/webgpu.ts'
import { queryBlocks } from '../../ops/attention/webgpu-blocks.ts'
import { combineGroups, combineProgram } from '../../ops/attention/webgpu-forward.ts'
import { sizeOf } from '../../engine/tensor.ts'
import { at, type Moving, type PlanNode } from '../nodes.ts'
import { CannotRecord, RecordingContext, type Recorder } from './recorder.ts'
import type * as tf from '@tensorflow/tfjs-core'

/** The blocks of attentions that see the same number of keys. */
export interface KeyBlocks {
  buffer: GPUBuffer
  /** What they depend on. */
  key: string
  listAt(moves: readonly number[]): Int32Array<ArrayBuffer>
}

type Tensors = Record<'q' | 'k' | 'v' | 'o', tf.TensorInfo>

/** @returns its blocks: one of `known`, if an earlier attention sees as many keys */
export function recordAttention(
  recorder: Recorder,
  node: PlanNode,
  { q, k, v, o }: Tensors,
  known: readonly KeyBlocks[],
): KeyBlocks {
  const attributes = node.attributes as PlanNode['attributes'] & AttentionAttributes
  const keys = node.moving!.at(-1)!
  const [T, H, E] = q.shape as [number, number, number]
  const [capacity, K] = k.shape as [number, number]
  const context = new RecordingContext('Attention', recorder, {})
  if (cutAxis(capacity, [K * E], context.bindingElements).length > 1)
    throw new CannotRecord('Attention: a cache larger than one binding')
  const { program, stay, fewestKeys } = forwardFor(context, E, H / K, attributes.cuQ)
  const blocksOf = (count: number) =>
    queryBlocks(
      { ...attributes, cuK: Int32Array.of(0, count) },
      { begin: 0, count: T },
      { begin: 0, count: capacity },
      H / K,
      stay,
    )
  const fullest = blocksOf(capacity)
  const { parts, span } = divideKeys(fullest, K, Infinity, fewestKeys)
  const blocks = keyBlocks(
    recorder,
    known,
    keys,
    `${T} ${H / K} ${stay} ${attributes.causal} ${attributes.window} ${capacity}`,
    blocksOf,
  )
  const list = recorder.tensorAt({ buffer: blocks.buffer, offset: 0, bytes: blocks.buffer.size }, [fullest.list.length], 'int32')
  // Part of no result, but the programs write it.
  const lse = context.scratch([T, H])
  const found = parts === 1 ? { o, lse } : { o: context.scratch([parts * T, H, E]), lse: context.scratch([parts * T, H]) }
  const uniforms = {
    ...uniformsOf(q, k, { ...attributes, window: attributes.causal ? attributes.window : unbounded }),
    ...{ parts, span, firstPart: 0, allHeads: T * H },
    emptyLse: parts === 1 ? 0 : Number(lowest),
  }
  context.run(program, { q, k, v, blocks: list, ...found }, uniforms, fullest.count * K * parts)
  if (parts > 1)
    context.run(
      combineProgram(E),
      { partsOfO: found.o, partsOfLse: found.lse, o, lse },
      { parts, allHeads: T * H },
      combineGroups(T * H, E),
    )
  for (const { buffer } of context.scratches) recorder.giveBack(buffer)
  return blocks
}

function keyBlocks(
  recorder: Recorder,
  known: readonly KeyBlocks[],
  keys: Moving,
  kind: string,
  blocksOf: (keys: number) => { list: Int32Array },
): KeyBlocks {
  const key = `${keys.first} ${keys.track} ${kind}`
  const same = known.find((each) => each.key === key)
  if (same) return same
  const listOf = (count: number) => Int32Array.from(blocksOf(count).list)
  return {
    key,
    listAt: (moves) => listOf(at(keys, moves)),
    buffer: recorder.createBuffer(4 * sizeOf([listOf(keys.first).length])),
  }
}
