// Every answer on its way to the server: kept in the browser until it is saved, sent in order, tried again until it works.
import type { Counts, NewAnnotation } from '../api/types'
import type { Entry, Store } from './outboxStore'

export interface OutboxOptions {
  user: number
  store: Promise<Store>
  /** Sends one; throws what `temporary` then judges. */
  send: (project: number, body: NewAnnotation) => Promise<{ progress: Counts }>
  /** Whether trying the same again later may work. */
  temporary: (error: unknown) => boolean
  /** Called with what the server counted after an answer was saved. */
  saved?: (project: number, body: NewAnnotation, progress: Counts) => void
  firstWaitMs?: number
}

export type EntryState = 'saved' | 'pending' | 'failed'

const LONGEST_WAIT_MS = 30_000

export class Outbox {
  entries: Entry[] = []
  /** False when the browser gives no storage: answers then live only as long as the page. */
  durable = true
  /** The last try did not reach the server. */
  stuck = false
  #listeners = new Set<() => void>()
  #sending = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #clock = 0
  #closed = false

  constructor(private readonly options: OutboxOptions) {}

  get pending(): Entry[] {
    return this.entries.filter((entry) => entry.state === 'pending')
  }

  get failed(): Entry[] {
    return this.entries.filter((entry) => entry.state === 'failed')
  }

  stateOf(id: string): EntryState {
    return this.entries.find((entry) => entry.id === id)?.state ?? 'saved'
  }

  /** Images of a project whose newest answer the server does not have yet. */
  unsent(project: number): number[] {
    return this.entries.filter((entry) => entry.project === project && entry.state === 'pending').map((entry) => entry.body.image)
  }

  onchange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes up what an earlier visit left behind. */
  async start(): Promise<void> {
    try {
      const left = await (await this.options.store).all()
      const known = new Set(this.entries.map((entry) => entry.id))
      this.entries = [...left.filter((entry) => entry.user === this.options.user && !known.has(entry.id)), ...this.entries]
    } catch (error) {
      this.durable = false
      console.warn('Answers cannot be kept over a reload:', error)
    }
    this.#tell()
    void this.flush()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  add(project: number, body: NewAnnotation, thumb: string): void {
    this.#clock = Math.max(this.#clock + 1, Date.now())
    const entry: Entry = { id: body.id, user: this.options.user, project, body, at: this.#clock, state: 'pending', problem: null, thumb }
    this.entries = [...this.entries, entry]
    void this.#keep(entry)
    this.#tell()
    // Behind others that wait for the server to come back, it waits with them.
    if (!this.#timer) void this.flush()
  }

  /** Tries a failed answer again. */
  retry(id: string): void {
    this.#change(id, { state: 'pending', problem: null })
    void this.flush()
  }

  /** Gives an answer up. */
  discard(id: string): void {
    this.entries = this.entries.filter((entry) => entry.id !== id)
    void this.#forget(id)
    this.#tell()
  }

  /** Sends everything that waits, oldest first, one at a time: the newest answer to an image must arrive last. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#sending || this.#closed) return
    this.#sending = true
    for (let entry = this.pending[0]; entry && !this.#closed; entry = this.pending[0]) {
      if (!(await this.#send(entry))) break
    }
    this.#sending = false
  }

  /** False when the server cannot be reached, and the rest has to wait too. */
  async #send(entry: Entry): Promise<boolean> {
    try {
      const { progress } = await this.options.send(entry.project, entry.body)
      this.#tries = 0
      this.stuck = false
      this.entries = this.entries.filter((other) => other.id !== entry.id)
      void this.#forget(entry.id)
      this.options.saved?.(entry.project, entry.body, progress)
      this.#tell()
      return true
    } catch (error) {
      if (!this.options.temporary(error)) {
        this.#change(entry.id, { state: 'failed', problem: error instanceof Error ? error.message : String(error) })
        return true
      }
      this.#tries += 1
      this.stuck = true
      const first = this.options.firstWaitMs ?? 1000
      this.#timer = setTimeout(() => void this.flush(), Math.min(first * 2 ** (this.#tries - 1), LONGEST_WAIT_MS))
      this.#tell()
      return false
    }
  }

  #change(id: string, change: Partial<Entry>): void {
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry))
    const entry = this.entries.find((known) => known.id === id)
    if (entry) void this.#keep(entry)
    this.#tell()
  }

  async #keep(entry: Entry): Promise<void> {
    await this.#stored((store) => store.put(entry))
    // It may have been saved while it was being written down.
    if (!this.entries.some((known) => known.id === entry.id)) await this.#forget(entry.id)
  }

  #forget(id: string): Promise<void> {
    return this.#stored((store) => store.remove(id))
  }

  async #stored(act: (store: Store) => Promise<void>): Promise<void> {
    try {
      await act(await this.options.store)
    } catch (error) {
      if (this.durable) console.warn('Answers cannot be kept over a reload:', error)
      this.durable = false
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
