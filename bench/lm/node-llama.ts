/** llama.cpp through node-llama-cpp 3, which is no dependency: it is installed into a folder of its own. Only what benches use of it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface LlamaSequence {
  evaluate(tokens: number[], options: { temperature: number }): AsyncGenerator<number, void>
  controlledEvaluate(
    input: [token: number, options: { generateNext: { logits: true } }][],
  ): Promise<(undefined | { next: { logits?: Map<number, number> } })[]>
  clearHistory(): Promise<void>
}
interface LlamaModel {
  tokenize(text: string): number[]
  createContext(options: object): Promise<{ getSequence(): LlamaSequence }>
}
interface LlamaPackage {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<LlamaModel>; dispose(): Promise<void> }>
}

export interface Llama {
  sequence: LlamaSequence
  tokenize(text: string): number[]
  /** Logits [T,V] of each of the tokens, in one pass. */
  logits(ids: Int32Array): Promise<Float32Array>
  dispose(): Promise<void>
}

/** @param folder where node-llama-cpp is installed */
export async function loadLlama(
  folder: string,
  modelPath: string,
  { threads, contextSize }: { threads: number; contextSize: number },
): Promise<Llama> {
  const entry = join(folder, 'node_modules/node-llama-cpp/dist/index.js')
  const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaPackage
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads })
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({ contextSize, batchSize: contextSize, threads: { ideal: threads, min: threads } })
  const sequence = context.getSequence()
  return {
    sequence,
    tokenize: (text) => model.tokenize(text),
    async logits(ids) {
      await sequence.clearHistory()
      const found = await sequence.controlledEvaluate([...ids].map((id) => [id, { generateNext: { logits: true } }]))
      const rows = found.map((each) => each!.next.logits!)
      const vocabSize = rows[0]!.size
      const all = new Float32Array(ids.length * vocabSize)
      rows.forEach((row, t) => row.forEach((logit, id) => void (all[t * vocabSize + id] = logit)))
      return all
    },
    dispose: () => llama.dispose(),
  }
}
