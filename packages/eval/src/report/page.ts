/** Parts that every report page shares: the frame, facts, and one answer beside its pictures. */
import { escapeHtml } from './escape.ts'
import { reportStyle } from './style.ts'

/**
 * A whole HTML document that loads nothing from elsewhere.
 *
 * @param body HTML of the page below its heading; texts in it are escaped by the caller
 */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${reportStyle}</style>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main></html>
`
}

/** Names and values in a row. Both are escaped here. */
export function factList(facts: Readonly<Record<string, string>>): string {
  const items = Object.entries(facts).map(
    ([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  )
  return `<dl class="facts">${items.join('')}</dl>`
}

export interface AnswerCard {
  id: string
  right: boolean
  question: string
  prediction: string
  /** The pictures, PNG bytes. */
  pictures: readonly Uint8Array[]
  /** Lines below the answer, e.g. what was expected; HTML. */
  notes?: readonly string[]
}

/** One answer beside its pictures. Texts are escaped, but for `notes`. */
export function answerCard({ id, right, question, prediction, pictures, notes = [] }: AnswerCard): string {
  const images = pictures.map((png) => `<img alt="" src="${pngDataUri(png)}">`).join('')
  return (
    `<article class="${right ? 'right' : 'wrong'}" title="${escapeHtml(id)}"><div class="pictures">${images}</div>` +
    `<p class="muted question">${escapeHtml(question)}</p><p class="answer">${escapeHtml(prediction || '(nothing)')}</p>` +
    `${notes.map((note) => `<p class="muted">${note}</p>`).join('')}</article>`
  )
}

/** PNG bytes as a data URL. */
export function pngDataUri(png: Uint8Array): string {
  // In slices, because argument lists have a maximum length.
  let binary = ''
  for (let start = 0; start < png.length; start += 0x8000) binary += String.fromCharCode(...png.subarray(start, start + 0x8000))
  return `data:image/png;base64,${btoa(binary)}`
}
