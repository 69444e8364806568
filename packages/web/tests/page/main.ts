/** A page that hands the client to the test that drives it. */
import { createVlmClient } from '@casa-js/web'

const pictures = async (...names: string[]): Promise<Blob[]> =>
  Promise.all(names.map(async (name) => (await fetch(`/samples/${name}.png`)).blob()))

/** A worker that dies at the first thing it is told. */
const dying = (): Worker =>
  new Worker(URL.createObjectURL(new Blob(['onmessage = () => outOfLuck()'], { type: 'text/javascript' })))

const page = { createVlmClient, pictures, dying }
declare global {
  var casa: typeof page
}
globalThis.casa = page
