// How fast bytes are going, over the last seconds, and how long the rest will take.
const WINDOW_MS = 8000

export class Speedometer {
  #marks: { at: number; bytes: number }[] = []

  constructor(private readonly now: () => number) {}

  add(bytes: number): void {
    this.#marks.push({ at: this.now(), bytes })
  }

  /** After a pause the old marks would only mislead. */
  reset(): void {
    this.#marks = []
  }

  /** Bytes a second, or null while too little is known. */
  get rate(): number | null {
    const since = this.now() - WINDOW_MS
    while (this.#marks.length > 2 && (this.#marks[0]?.at ?? 0) < since) this.#marks.shift()
    const first = this.#marks[0]
    if (!first || this.#marks.length < 2) return null
    const seconds = (this.now() - first.at) / 1000
    const sent = this.#marks.slice(1).reduce((sum, mark) => sum + mark.bytes, 0)
    return seconds > 0.25 ? sent / seconds : null
  }

  secondsFor(bytes: number): number | null {
    const rate = this.rate
    return rate ? bytes / rate : null
  }
}
