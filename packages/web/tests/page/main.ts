/** A page that hands the client to the test that drives it. */
import { createVlmClient, listModels, removeModel, storageUse, type TrainExample } from '@casa-js/web'

const pictures = async (...names: string[]): Promise<Blob[]> =>
  Promise.all(names.map(async (name) => (await fetch(`/samples/${name}.png`)).blob()))

/** A worker that dies at the first thing it is told. */
const dying = (): Worker =>
  new Worker(URL.createObjectURL(new Blob(['onmessage = () => outOfLuck()'], { type: 'text/javascript' })))

/** The client's own worker, and what happens to it. */
let started: Worker | undefined
const watched = (): Worker =>
  (started = new Worker(new URL('../../src/standalone/worker.js', import.meta.url), { type: 'module', name: 'casa-js' }))
const crash = (): void => void started?.dispatchEvent(new ErrorEvent('error', { message: 'out of luck' }))

/** Drawn circles and squares, as examples: their place, size and colour follow from the seed. */
async function shapes(count: number, seed: number): Promise<TrainExample[]> {
  let state = seed * 7919
  const random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
  const draw = async (answer: string): Promise<TrainExample> => {
    const canvas = new OffscreenCanvas(96, 96)
    const context = canvas.getContext('2d')!
    context.fillStyle = '#f4f0e8'
    context.fillRect(0, 0, 96, 96)
    context.fillStyle = `hsl(${random() * 360} 70% 40%)`
    const [x, y, radius] = [40 + random() * 16, 40 + random() * 16, 20 + random() * 14]
    context.beginPath()
    if (answer === 'circle') context.arc(x, y, radius, 0, 2 * Math.PI)
    else context.rect(x - radius, y - radius, 2 * radius, 2 * radius)
    context.fill()
    return { picture: await canvas.convertToBlob(), question: 'What is this?', answer }
  }
  const examples: TrainExample[] = []
  for (let i = 0; i < count; i++) examples.push(await draw(i % 2 ? 'square' : 'circle'))
  return examples
}

const page = { createVlmClient, listModels, removeModel, storageUse, pictures, shapes, dying, watched, crash }
declare global {
  var casa: typeof page
}
globalThis.casa = page
