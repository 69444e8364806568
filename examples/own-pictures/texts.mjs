/** What the tokenizer of this example is trained on: its questions and answers. */
import { readFileSync } from 'node:fs'

const rows = readFileSync(new URL('train.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
export default () => rows.flatMap(({ question, answer }) => [question, answer])
