import { describeFusion } from '@casa-js/testing'
import { __identifier__ } from './__kind__.ts'

await describeFusion(__identifier__, {
  cases: {
    'after every block': { config: { every: 1 }, withoutImages: 'the backbone', addsNothing: true },
    'after every second block': { config: { every: 2 }, withoutImages: 'the backbone', addsNothing: true },
  },
})
