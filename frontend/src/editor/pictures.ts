// Images loaded and decoded ahead, as elements ready to be put on the page: showing one costs no decoding.

const KEPT = 48

export class Pictures {
  #known = new Map<string, { element: HTMLImageElement; ready: Promise<void>; done: boolean }>()

  /** Starts loading; does nothing when it is known. */
  load(url: string): void {
    this.#entry(url)
  }

  /** The element, and whether it can be painted at once. */
  get(url: string): { element: HTMLImageElement; ready: Promise<void>; done: boolean } {
    const entry = this.#entry(url)
    // The most recently used stand last.
    this.#known.delete(url)
    this.#known.set(url, entry)
    return entry
  }

  /** Forgets one that could not be loaded, so that it is tried anew. */
  forget(url: string): void {
    this.#known.delete(url)
  }

  #entry(url: string) {
    const known = this.#known.get(url)
    if (known) return known
    const element = new Image()
    element.draggable = false
    element.decoding = 'sync'
    element.src = url
    const entry = { element, done: false, ready: Promise.resolve() }
    entry.ready = element.decode().then(() => void (entry.done = true))
    // Whoever shows it awaits `ready` and says so; a failure while loading ahead is nobody's business yet.
    entry.ready.catch(() => {})
    this.#known.set(url, entry)
    for (const old of this.#known.keys()) {
      if (this.#known.size <= KEPT) break
      this.#known.delete(old)
    }
    return entry
  }
}
