/** Device memory that plans hold besides tensors. */
let bytes = 0

export const heldBytes = (): number => bytes

/** Count memory as held. Returns a function that stops counting it. */
export function hold(count: number): () => void {
  bytes += count
  let counted = true
  const mine = closing
  return () => {
    if (counted && mine === closing) bytes -= count
    counted = false
  }
}

let closing = 0

/** Every device is closed, and all memory with it. */
export function forgetHeld(): void {
  bytes = 0
  closing++
}
