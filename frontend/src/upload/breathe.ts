// Long loops give the page back every few milliseconds, so that it stays quick to the touch.
const SLICE_MS = 10

/** A function to await in a loop: it returns at once until a slice of time is used up, then lets the page go on first. */
export function breather(now: () => number = () => performance.now()): () => Promise<void> {
  let since = now()
  return async () => {
    if (now() - since < SLICE_MS) return
    await new Promise((resolve) => setTimeout(resolve))
    since = now()
  }
}
