import { Reader } from './reader'

export default function Page() {
  return (
    <main>
      <h1>casa-js in a client component</h1>
      <Reader picture="/sign.png" />
    </main>
  )
}
