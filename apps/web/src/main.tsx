import { render } from 'preact'
import { App } from './app.tsx'
import { startOffline } from './offline/register.ts'
import './style.css'

await startOffline()
render(<App />, document.getElementById('app')!)
