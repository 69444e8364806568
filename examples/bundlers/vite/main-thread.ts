import { askStreaming, init, loadImage, loadVlm } from 'casa-js'

const output = document.querySelector('output')!
await init()
const vlm = await loadVlm('/model/')
const picture = await loadImage('/sign.png')
for await (const { text } of askStreaming(vlm, [picture], 'What does it say?')) output.append(text)
vlm.dispose()
