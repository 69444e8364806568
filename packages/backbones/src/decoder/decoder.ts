/**
 * The pre-norm decoder that Llama-like models share: RMS norm, rotary grouped-query attention, SwiGLU.
 *
 *   x = fuse(x)                 default: x + attention(norm x)
 *   x = x + down(silu(gate n) * up n),  n = norm x
 *
 * A family gives the tensor names of its checkpoints and its differences; everything else is here.
 */
import { CasaError } from '@casa-js/base'
import type { Backbone, Fuse, Params, Positions, Site, Step } from '@casa-js/core'
import { add, attention, embedding, gatedLinear, linear, reshape, rmsNorm, rope, ropeTable, type Tensor } from '@casa-js/tensor'
import type { DecoderConfig } from './config.ts'
import { createKvCache } from './kv-cache.ts'
import { rotarySpectrum } from './rotary.ts'
import type { DecoderNames } from './tensors.ts'

/** Positions that the model was trained for, or that its scaled rotary positions extend to. */
function mostPositions({ maxPositions, ropeScaling }: DecoderConfig): number {
  if (!ropeScaling) return maxPositions
  const trained = 'trainedPositions' in ropeScaling ? ropeScaling.trainedPositions : maxPositions
  return Math.max(maxPositions, Math.floor(trained * ropeScaling.factor))
}

/**
 * A backbone over the weights that `decoderTensors` lists. Pure: it keeps references to them and allocates nothing.
 * @param c the parsed config
 * @param names how its checkpoint names things
 * @param params weights by checkpoint name; matrices [out, in], in float32 or compressed
 * @param refine changes the attention half of every block where a family differs: norms of the heads, layers without positions.
 *   `attend` and every fusion use the result.
 */
export function bindDecoder(
  c: DecoderConfig,
  names: DecoderNames,
  params: Params,
  refine: (site: Site) => Site = (s) => s,
): Backbone {
  const param = (name: string): Tensor => {
    const tensor = params[name]
    if (!tensor) throw new CasaError(`${c.modelType}: weight ${name} was not given`)
    return tensor
  }
  const linearLayer = ({ weight, bias }: LinearNames) => ({ weight: param(weight), bias: params[bias] })
  const dense = (name: LinearNames, x: Tensor) => linear(x, param(name.weight), params[name.bias])
  const norm = (name: string, x: Tensor) => rmsNorm(x, param(name), { eps: c.normEps })
  const layers = Array.from({ length: c.layers }, (_, layer) => layerNames(names.prefix, layer))
  const [embeddings, finalNorm] = [names.prefix + 'embed_tokens.weight', names.prefix + 'norm.weight']
  const head = c.tiedEmbeddings ? param(embeddings) : params[names.head]!
  const { headSize: E } = c
  const spectrum = c.ropeScaling?.kind === 'dynamic' ? undefined : rotarySpectrum(c, 0)

  function site(layer: number, step: Step): Site {
    const own = layers[layer]!
    const split = (name: LinearNames, x: Tensor, heads: number) => reshape(dense(name, x), [x.shape[0], heads, E])
    return {
      layer,
      window: c.windows?.[layer],
      norm: (x) => norm(own.norm, x),
      project: (normed) => ({
        q: split(own.q_proj, normed, c.heads),
        k: split(own.k_proj, normed, c.kvHeads),
        v: split(own.v_proj, normed, c.kvHeads),
      }),
      projectKeys: (normed) => ({
        k: split(own.k_proj, normed, c.kvHeads),
        v: split(own.v_proj, normed, c.kvHeads),
      }),
      rotate: (heads, rotary) => rope(heads, rotary, { layout: c.ropeLayout }),
      attend(normed) {
        const { q, k, v } = this.project(normed)
        const turned = this.rotate(k, step.rotary)
        const seen = step.cache ? step.cache.append(layer, turned, v) : { k: turned, v }
        const cuK = step.cache ? Int32Array.of(0, step.cache.length + step.tokens) : step.cu
        return this.output(
          attention(this.rotate(q, step.rotary), seen.k, seen.v, { cuQ: step.cu, cuK, causal: true, window: this.window }),
        )
      },
      output: (heads) => dense(own.o_proj, reshape(heads, [heads.shape[0], c.heads * E])),
      feedForward(x) {
        const n = norm(own.feedForwardNorm, x)
        return dense(own.down_proj, gatedLinear(n, linearLayer(own.gate_proj), linearLayer(own.up_proj)))
      },
    }
  }

  const plain: Fuse = (x, s) => add(x, s.attend(s.norm(x)))
  return {
    modelType: c.modelType,
    layers: c.layers,
    width: c.width,
    heads: c.heads,
    kvHeads: c.kvHeads,
    headSize: E,
    vocabSize: c.vocabSize,
    positionRows: c.ropeSections ? 3 : 1,
    maxPositions: mostPositions(c),
    // Dynamic scaling changes the frequencies as the text grows.
    replayable: c.ropeScaling?.kind !== 'dynamic',
    head,
    selfAttention(layer) {
      const { q_proj, k_proj, v_proj, o_proj } = layers[layer]!
      return {
        q_proj: linearLayer(q_proj),
        k_proj: linearLayer(k_proj),
        v_proj: linearLayer(v_proj),
        o_proj: linearLayer(o_proj),
      }
    },
    embed(ids) {
      const wrong = ids.findIndex((id) => id < 0 || id >= c.vocabSize)
      if (wrong >= 0) throw new CasaError(`token ${wrong} has id ${ids[wrong]}, outside the vocabulary of ${c.vocabSize}`)
      return embedding(param(embeddings), ids, { paddingIndex: c.padToken })
    },
    rotary: (positions: Positions) =>
      ropeTable(positions, {
        headSize: E,
        ...(spectrum ?? rotarySpectrum(c, reach(positions))),
        ...(c.ropeSections && { sections: c.ropeSections }),
      }),
    layer(index, x, step, fuse = plain) {
      const s = refine(site(index, step))
      const mixed = fuse(x, s)
      return add(mixed, s.feedForward(mixed))
    },
    finalNorm: (x) => norm(finalNorm, x),
    logits: (normed) => linear(normed, head),
    createCache: (capacityTokens) => createKvCache(c, capacityTokens),
  }
}

interface LinearNames {
  weight: string
  bias: string
}

/** The tensors of a layer in a checkpoint. Made once: to put names together for every pass takes longer than its small kernels. */
function layerNames(prefix: string, layer: number) {
  const at = `${prefix}layers.${layer}.`
  const linearNames = (name: string): LinearNames => ({ weight: `${at}${name}.weight`, bias: `${at}${name}.bias` })
  return {
    norm: `${at}input_layernorm.weight`,
    q_proj: linearNames('self_attn.q_proj'),
    k_proj: linearNames('self_attn.k_proj'),
    v_proj: linearNames('self_attn.v_proj'),
    o_proj: linearNames('self_attn.o_proj'),
    feedForwardNorm: `${at}post_attention_layernorm.weight`,
    gate_proj: linearNames('mlp.gate_proj'),
    up_proj: linearNames('mlp.up_proj'),
    down_proj: linearNames('mlp.down_proj'),
  }
}

/** The largest position, plus 1. */
function reach(positions: Positions): number {
  const rows = positions instanceof Int32Array ? [positions] : positions
  return rows.reduce((most, row) => row.reduce((highest, at) => Math.max(highest, at + 1), most), 0)
}
