/**
 * A run as written by its author: plain data, so that it can be a run.json and can be rebuilt in every worker.
 * Code is given by reference: a module that makes a dataset or a corpus.
 */
import type { ParquetColumns } from '@casa-js/data'
import type { DeviceName } from '@casa-js/tensor'
import type { GroupRule } from '../groups.ts'

/** A module whose default export is a function of `options`. Relative paths start at the run file. */
export interface ModuleReference {
  module: string
  options?: Record<string, unknown>
}

/** A JSONL file of questions about pictures in `images` (default: the file's own folder). */
export interface JsonlReference {
  jsonl: string
  images?: string
  /** Pictures may also lie outside that folder. */
  allowOutside?: boolean
}

/** Tar shards or parquet files, as `openShards` of @casa-js/data takes them. Relative paths start at the run file. */
export interface ShardsReference {
  /** Folders, files, addresses of folders with a shards.json, "hub:owner/name". */
  shards: string | string[]
  /** Examples that are shuffled among one another. Default 1,000. */
  buffer?: number
  /** Asked about a picture that has a caption only. */
  question?: string
  /** Names of parquet columns. */
  columns?: ParquetColumns
}

/** A module that makes a Dataset, a JSONL file, or shards. */
export type DatasetReference = ModuleReference | JsonlReference | ShardsReference

/** A tokenizer.json, or texts (a module that makes string[]) to train a byte-level BPE on. */
export type TokenizerReference = { file: string } | { corpus: ModuleReference; vocabSize: number }

/**
 * A model folder to start from (for an adapter perhaps with the folder of its base, in place of the one that it names), or config.json of a model
 * with fresh weights, some of which may come from another model.
 */
export type ModelReference =
  | { folder: string; base?: string }
  | { config: Record<string, unknown>; tokenizer: TokenizerReference; template?: string; from?: PartOfModel }

/** Weights of a model folder whose names match, e.g. ["vision.*"] for its encoder alone. */
export interface PartOfModel {
  folder: string
  match: string[]
}

export interface EvaluateDefinition {
  /** Updates between evaluations; there is always one at the end. */
  every: number
  /** Also before the first update. Default false. */
  atStart?: boolean
  /** Held-out data. */
  data: DatasetReference[]
  /** Examples of each dataset. Default 50. */
  examples?: number
  /** Longest answer. Default 32. */
  maxNewTokens?: number
  /** Examples of each dataset that the report shows with their pictures. Default 6. */
  shown?: number
}

/** Where image features are kept; the encoder must not train. */
export interface FeatureCacheDefinition {
  /** Relative to the run file. Runs and workers may share it. */
  folder: string
  /** Most bytes of it. Default 10 GB. */
  maxBytes?: number
  /** BF16 halves the space and rounds the features. Default "F32". */
  dtype?: 'F32' | 'BF16'
}

export interface RunDefinition {
  model: ModelReference
  data: DatasetReference
  /** Budgets of one micro-batch, in tokens, and micro-batches in an update (default 1; each worker needs one). */
  batch: { textTokens: number; imageTokens: number; perStep?: number }
  /** Updates. */
  steps: number
  /** Updates of linear warm-up (default: a twentieth of the run, at most 100) and of decay at the end (default: a fifth). */
  schedule?: { warmup?: number; cooldown?: number }
  /** Default: everything at 1e-4 for fresh weights; for a model folder, "casa.*" at 1e-4 and the rest at 1e-5. */
  groups?: GroupRule[] | undefined
  /** Names of weights that stay as they are. */
  freeze?: string[] | undefined
  /** AdamW: betas (default [0.9, 0.95]) and epsilon (default 1e-8). */
  optimizer?: { betas?: [number, number]; epsilon?: number }
  /** Largest norm of the gradient. Default 1. */
  clip?: number
  /**
   * Run each block of the backbone and the encoder again in the backward pass instead of storing its activations: less memory, about a
   * third more time, the same gradients bit for bit. Default false. Blocks of a fusion with `ffn_updates` are stored all the same.
   */
  recompute?: boolean
  /** Updates between checkpoints (default: a twentieth of the run) and how many are kept (default 2). */
  checkpoint?: { every?: number; keep?: number }
  /** Keeps what the encoder makes of each picture of the training data on disk. For an encoder whose weights are all frozen. */
  featureCache?: FeatureCacheDefinition | undefined
  evaluate?: EvaluateDefinition
  /** Dtype of the model's weights in out/model. Default "BF16"; checkpoints are always float32. */
  save?: 'F32' | 'BF16' | 'F16'
  /** Seed of fresh weights and of the order of finite data. Default 1. */
  seed?: number
  /** Folder of the run, relative to the run file. Default "runs/<name of the run file>". */
  out?: string | undefined
  /** Threads. Default 1. */
  workers?: number | undefined
  device?: 'auto' | DeviceName | undefined
}

/** Type helper for a run.ts: `export default defineRun({ ... })`. */
export const defineRun = (run: RunDefinition): RunDefinition => run
