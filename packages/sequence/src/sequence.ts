/**
 * A growing sequence of text and images: the text's KV cache and the fusion's state, which always advance together.
 *
 * A pass that throws changes nothing: the cache counts rows only after all blocks have run, and states are immutable.
 * `transaction` does the same for several passes.
 */
import { ArgumentError, StateError } from '@casa-js/base'
import type { Backbone, Fusion, FusionState, ImageSlot, Layout, SequencePiece } from '@casa-js/core'
import { dispose, keep, scope, slice, tensor, type Tensor } from '@casa-js/tensor'
import { canPlan, largestIn, likeliestIn, traceStep, type Largest } from '@casa-js/tensor/internal'
import { runPass } from './pass.ts'
import { countersOf, createStepPlanner, type PlanUse, type StepKind, type StepStart } from './planned.ts'

/** What comes next in a sequence. */
export interface SequenceInput {
  /** At least one text token. */
  ids: Int32Array
  /** Images between the tokens; `sample` is 0. */
  slots?: ImageSlot[]
  /** The image tokens, [sum of tokens, D], in the order of the slots. */
  images?: Tensor
}

/** The whole state of a sequence, on the host: to save it and continue later. */
export interface SequenceContents {
  /** Tokens in the cache. */
  tokens: number
  /** The numbers of the fusion's state. */
  values: Record<string, number>
  /** The cache's rows, "cache.0.k" [tokens, K, E] and so on, and the tensors of the fusion's state, "state.NAME". */
  tensors: Record<string, { shape: number[]; data: Float32Array }>
}

export interface AdvanceOptions {
  /** Return only the last token's hidden state. */
  last?: boolean
  onAttention?: SequencePiece['onAttention']
}

/** What the model says about the next token. */
export interface Prediction {
  /** float32 [V] */
  logits(): Promise<Float32Array>
  /** The largest logits, descending, and their ids: on a GPU only these are read back. Fewer where logits are not numbers. */
  largest(count: number): Promise<Largest>
  /** The id of the largest logit, of equal ones the lower: on a GPU only it is read back, 4 bytes. Undefined where no logit is a number. */
  likeliest(): Promise<number | undefined>
  dispose(): void
}

export interface Sequence {
  readonly backbone: Backbone
  readonly capacityTokens: number
  /** Tokens in the cache. */
  readonly tokens: number
  /** The fusion's state. */
  readonly state: FusionState
  /** Cache tokens that this input would take. */
  cost(input: Omit<SequenceInput, 'images'>): number
  /**
   * Run the next piece and advance. Returns the final hidden states of its text, [T, D], or of its last token, [1, D]. They are
   * kept; the caller disposes them.
   * @throws CasaError if the piece does not fit; the sequence is then unchanged.
   */
  advance(input: SequenceInput, options?: AdvanceOptions): Tensor
  /**
   * Run the next piece, advance, and apply the head to its last token. Pieces like earlier ones, of as many tokens with images of the same
   * sizes in the same places, are run from a plan where there is one. The prediction is valid until the sequence goes on; the caller disposes it.
   * @throws CasaError if the piece does not fit; the sequence is then unchanged.
   */
  predict(input: SequenceInput, options?: Pick<AdvanceOptions, 'onAttention'>): Prediction
  /** How many tokens were run from a plan, and why not all of them. */
  readonly planUse: Readonly<PlanUse>
  /** Run several passes, all or none: if `f` throws, the sequence is unchanged. One transaction at a time. */
  transaction<T>(f: () => Promise<T>): Promise<T>
  /**
   * Forget all but the first `tokens` tokens, and every image.
   * @throws CasaError when images are in the cache, or there are fewer tokens.
   */
  truncate(tokens: number): void
  /** Reads its state to the host. */
  read(): Promise<SequenceContents>
  /**
   * Restore the state of another sequence of the same model.
   * @throws CasaError when it does not fit; the sequence is then unchanged.
   */
  write(contents: SequenceContents): void
  dispose(): void
}

function kindOf({ ids, slots = [] }: SequenceInput): StepKind {
  const images = slots.map(({ before, from, tokens, grid }) => [before, from, tokens, grid?.rows, grid?.columns].join(' '))
  const isToken = ids.length === 1 && slots.length === 0
  return { name: [ids.length, ...images].join(', '), tokens: ids.length, isToken }
}

/**
 * An empty sequence.
 * @param options.capacityTokens most tokens that the cache will hold: text, and image tokens if the fusion stores them in the cache
 * @param options.plan run pieces like earlier ones from a plan where the backbone, the fusion and the device allow it. Default: true
 */
export function createSequence(
  backbone: Backbone,
  fusion: Fusion,
  { capacityTokens, plan = true }: { capacityTokens: number; plan?: boolean | undefined },
): Sequence {
  const cache = backbone.createCache(capacityTokens)
  let state = fusion.start()
  /** States that a transaction may roll back to. */
  let saved: FusionState | undefined
  const planner = createStepPlanner()
  const plannable = plan && backbone.replayable === true && fusion.replayable === true

  /** Tensors of a state that is no longer needed, for a fusion that writes the next image into them. */
  let spare: FusionState['tensors'] = {}

  /** Free the tensors of `old` that neither `state` nor a saved state holds, or hold them as spare ones. */
  function release(old: FusionState) {
    const held = new Set([state, ...(saved ? [saved] : [])].flatMap(({ tensors }) => Object.values(tensors)))
    const unheld = (tensors: FusionState['tensors']) => Object.entries(tensors).filter(([, t]) => !held.has(t))
    const rest = unheld(spare)
    const free = unheld(old.tensors)
    // Without plans there is nothing to gain from it.
    const isSpare = plannable && canPlan() && fusion.reusesTensors === true && free.length > 0
    spare = Object.fromEntries(isSpare ? free : rest)
    dispose(...(isSpare ? rest : free).map(([, t]) => t))
  }

  function moveTo(next: FusionState) {
    const old = state
    state = next
    release(old)
  }

  const layoutOf = (tokens: number, images: ImageSlot[] = []): Layout => ({ tokens, cu: Int32Array.of(0, tokens), images })
  const cost = ({ ids, slots = [] }: Omit<SequenceInput, 'images'>) =>
    ids.length + (fusion.imagesInCache ? slots.reduce((sum, { tokens }) => sum + tokens, 0) : 0)

  function checkRoom(input: Omit<SequenceInput, 'images'>) {
    const needed = cache.length + cost(input)
    if (input.ids.length === 0) throw new ArgumentError('a sequence goes on with at least one token')
    if (needed > capacityTokens)
      throw new ArgumentError(`the sequence needs ${needed} tokens and holds ${capacityTokens}: raise capacityTokens`)
  }

  /** Runs a piece op by op and advances; `head` is applied to the hidden states. */
  function run(
    { ids, slots, images }: SequenceInput,
    { last = false, onAttention }: AdvanceOptions,
    head = (x: Tensor) => x,
  ): Tensor {
    const before = cache.length
    let next: FusionState | undefined
    try {
      const hidden = scope(() => {
        const pass = fusion.next(state, {
          layout: layoutOf(ids.length, slots),
          ...(images && { images }),
          cached: before,
          spare,
          onAttention,
        })
        const result = head(runPass(backbone, ids, pass, { cache, last }))
        next = pass.next()
        for (const t of Object.values(next.tensors)) keep(t)
        return keep(result)
      })
      moveTo(next!)
      return hidden
    } catch (error) {
      cache.truncate(before)
      throw error
    }
  }

  const predictionOf = (logits: Tensor): Prediction => ({
    logits: async () => (await logits.data()) as Float32Array,
    largest: (count) => largestIn(logits, count),
    likeliest: () => likeliestIn(logits),
    dispose: () => dispose(logits),
  })

  /** From the plan if one fits, else op by op and traced, so that there will be one. */
  function predictPlanned(input: SequenceInput, kind: StepKind): Prediction {
    const { ids, images } = input
    const start: StepStart = { kind, cached: cache.length, state, spare }
    const found = ids.every((id) => id >= 0 && id < backbone.vocabSize) ? planner.find(start) : undefined
    const given: Record<string, Tensor> = images ? { images } : {}
    if (found) {
      const result = found.plan.run(found.moves, ids, given)
      cache.length += cost(input)
      if (kind.isToken) state = found.next
      else moveTo(found.next)
      // It lies in the plan's memory.
      return {
        logits: () => result.logits(),
        largest: (count) => result.largest(count),
        likeliest: () => result.likeliest(),
        dispose: () => {},
      }
    }
    // The trace knows the tokens' ids by this very array.
    const own = Int32Array.from(ids)
    const { logits, trace } = traceStep(
      own,
      countersOf(start),
      () => run({ ...input, ids: own }, { last: true }, (x) => backbone.logits(x)),
      given,
    )
    planner.note(start, trace, state)
    return predictionOf(logits)
  }

  return {
    backbone,
    capacityTokens,
    get tokens() {
      return cache.length
    },
    get state() {
      return state
    },
    get planUse() {
      return planner.use
    },
    cost,
    advance(input, options = {}) {
      checkRoom(input)
      return run(input, options)
    },
    predict(input, { onAttention } = {}) {
      checkRoom(input)
      if (plannable && !onAttention && canPlan()) {
        const kind = kindOf(input)
        if (planner.traces(kind)) return predictPlanned(input, kind)
      }
      return predictionOf(run(input, { last: true, onAttention }, (x) => backbone.logits(x)))
    },
    async transaction(f) {
      if (saved) throw new StateError('this sequence is in a transaction already: wait for it to end')
      const before = cache.length
      saved = state
      try {
        return await f()
      } catch (error) {
        cache.truncate(before)
        moveTo(saved)
        throw error
      } finally {
        const old = saved
        saved = undefined
        release(old)
      }
    },
    async read() {
      const tokens = cache.length
      const tensors: SequenceContents['tensors'] = {}
      const take = async (name: string, t: Tensor) => {
        tensors[name] = { shape: t.shape, data: (await t.data()).slice() as Float32Array }
      }
      for (let layer = 0; layer < backbone.layers; layer++) {
        for (const [name, buffer] of Object.entries(cache.layer(layer) ?? {})) {
          const rows = scope(() => keep(slice(buffer, [0, 0, 0], [tokens, ...buffer.shape.slice(1)])))
          await take(`cache.${layer}.${name}`, rows)
          rows.dispose()
        }
      }
      for (const [name, t] of Object.entries(state.tensors)) await take(`state.${name}`, t)
      return { tokens, values: { ...state.values }, tensors }
    },
    write({ tokens, values, tensors }) {
      const wrong = (why: string) => new ArgumentError(`a saved sequence does not fit this model: ${why}`)
      if (!(tokens <= capacityTokens)) throw wrong(`it holds ${tokens} tokens and there is room for ${capacityTokens}`)
      const names = Object.keys(fusion.start().values)
      if (Object.keys(values).sort().join() !== names.sort().join() || !Object.values(values).every(Number.isFinite))
        throw wrong(`its state holds ${JSON.stringify(values)}, expected numbers named ${names.join(', ')}`)
      const rows = Array.from({ length: backbone.layers }, (_, layer) => layer).flatMap((layer) => {
        const [k, v] = [tensors[`cache.${layer}.k`], tensors[`cache.${layer}.v`]]
        if (!k && !v) return []
        const shape = [tokens, backbone.kvHeads, backbone.headSize].join()
        if (k?.shape.join() !== shape || v?.shape.join() !== shape)
          throw wrong(`cache.${layer} holds k [${k?.shape}] and v [${v?.shape}], expected [${shape}]`)
        return [{ layer, k, v }]
      })
      cache.truncate(0)
      if (tokens > 0)
        scope(() => {
          for (const { layer, k, v } of rows) cache.append(layer, tensor(k.data, k.shape), tensor(v.data, v.shape))
        })
      cache.length = tokens
      const held = Object.entries(tensors).filter(([name]) => name.startsWith('state.'))
      moveTo({
        values,
        tensors: Object.fromEntries(
          held.map(([name, { data, shape }]) => [name.slice('state.'.length), keep(tensor(data, shape))]),
        ),
      })
    },
    truncate(tokens) {
      if (fusion.imagesInCache)
        throw new StateError('this fusion keeps images in the cache, so its text cannot be cut: start anew')
      cache.truncate(tokens)
      moveTo(fusion.start())
    },
    dispose() {
      planner.dispose()
      cache.dispose()
      dispose(...Object.values(state.tensors), ...Object.values(spare))
    },
  }
}
