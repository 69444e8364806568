/** Lets this thread import TypeScript: run files and datasets may be written in it, and Node 20 cannot load it by itself. */
import { register as registerCommonjs } from 'tsx/cjs/api'
import { register } from 'tsx/esm/api'

// Sources of casa itself run under a loader already.
if (!import.meta.url.endsWith('.ts')) {
  register()
  // For files in a folder whose package.json lacks "type": "module": Node treats those as CommonJS.
  registerCommonjs()
}
