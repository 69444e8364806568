/**
 * Texts for the shipped model's tokenizer: the questions alone. So questions become few tokens, while answers stay close to
 * letters: a model that reads what it sees letter by letter also reads words it has never seen.
 */
import { questions } from '@casa-js/data'

export default function tokenizerCorpus(): string[] {
  return Object.values(questions).flat()
}
