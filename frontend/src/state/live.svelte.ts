// What the server tells about one project as it happens: an EventSource that comes back by itself.
import type { Events } from '../api/types'

export type LiveState = 'closed' | 'connecting' | 'open' | 'down'
type Listener<K extends keyof Events> = (data: Events[K]) => void

const TYPES = ['model', 'queue', 'progress', 'job', 'device', 'deployment', 'alert'] as const
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000

class Live {
  state = $state<LiveState>('closed')
  #source: EventSource | null = null
  #project: number | null = null
  #wait = FIRST_WAIT_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  #listeners = new Map<string, Set<(data: never) => void>>()
  #returns = new Set<() => void>()
  #lost = false

  open(project: number): void {
    if (this.#project === project) return
    this.close()
    this.#project = project
    this.#connect()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = null
    this.#project = null
    this.#lost = false
    this.#wait = FIRST_WAIT_MS
    this.state = 'closed'
  }

  /** Listens to one type of event; call what it returns to stop. */
  on<K extends keyof Events>(type: K, listener: Listener<K>): () => void {
    const set = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, set)
    set.add(listener as (data: never) => void)
    return () => set.delete(listener as (data: never) => void)
  }

  /** Runs when the stream is back after a gap: events were missed, so fetch what you show again. */
  onReturn(run: () => void): () => void {
    this.#returns.add(run)
    return () => this.#returns.delete(run)
  }

  #connect(): void {
    this.state = this.#lost ? 'down' : 'connecting'
    const source = new EventSource(`/events/projects/${this.#project}`)
    this.#source = source
    source.onopen = () => {
      this.state = 'open'
      this.#wait = FIRST_WAIT_MS
      if (this.#lost) for (const run of this.#returns) run()
      this.#lost = false
    }
    source.onerror = () => {
      this.state = 'down'
      this.#lost = true
      // The browser reconnects by itself unless the server refused; then we try again later.
      if (source.readyState !== EventSource.CLOSED) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#connect(), this.#wait)
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS)
    }
    for (const type of TYPES) source.addEventListener(type, (event) => this.#tell(type, (event as MessageEvent<string>).data))
  }

  #tell(type: string, text: string): void {
    const data = JSON.parse(text) as never
    for (const listener of this.#listeners.get(type) ?? []) listener(data)
  }
}

export const live = new Live()
