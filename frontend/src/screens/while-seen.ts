// Does something at once, then again and again for as long as the page is looked at, and as soon as it is looked at again.

/** Returns what ends it. */
export function whileSeen(run: () => unknown, everyMs: number): () => void {
  void run()
  const seen = () => document.visibilityState === 'visible' && void run()
  const timer = setInterval(seen, everyMs)
  document.addEventListener('visibilitychange', seen)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', seen)
  }
}
