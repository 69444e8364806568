/**
 * The conversation in a sample of a tar shard: its `json` is a row as of a JSONL file (jsonl-row.ts), whose pictures are files of the
 * sample, named by what follows the dot ("0.png"); a row that names none has them all, in the order of their names. A sample without
 * `json` is a picture and its caption, `txt`, as WebDataset's collections of captions hold them.
 */
import { CasaError } from '@casa-js/base'
import { parseRow, type Row } from '../jsonl-row.ts'
import type { TarSample } from './tar.ts'

const isPicture = (extension: string): boolean => /(^|\.)(png|jpe?g|webp|gif|bmp|tiff?|avif)$/i.test(extension)

/**
 * @param question asked about the picture of a sample that has a caption only
 * @throws CasaError saying what is wrong with the row
 */
export function rowOf({ files }: TarSample, question: string | undefined): Row {
  const pictures = [...files.keys()].filter(isPicture).sort()
  const json = files.get('json')
  if (json) return withPictures(textOf(json, 'json'), pictures)
  const caption = files.get('txt')
  if (!caption) throw new CasaError(`it has neither json nor txt, only ${[...files.keys()].join(', ')}`)
  if (question === undefined)
    throw new CasaError('it has a caption (txt) but no question: say in `question` what is asked about such pictures')
  const answer = textOf(caption, 'txt').trim()
  return parseRow(JSON.stringify({ images: pictures, question, answer })).row
}

/** A row that says nothing about pictures gets those of its sample. */
function withPictures(text: string, pictures: string[]): Row {
  const { row } = parseRow(text)
  const named = row.messages.some(({ content }) => content.some(({ type }) => type === 'image'))
  return named || pictures.length === 0 ? row : parseRow(JSON.stringify({ ...JSON.parse(text), images: pictures })).row
}

function textOf(bytes: Uint8Array, extension: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new CasaError(`${extension} is not UTF-8`)
  }
}
