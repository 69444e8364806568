import { createVlmClient } from '@casa-js/web'

const output = document.querySelector('output')
const client = await createVlmClient({ model: '/model/' })
const picture = await (await fetch('/sign.png')).blob()
await client.ask([picture], 'What does it say?', { onText: (text) => output.append(text) })
await client.dispose()
