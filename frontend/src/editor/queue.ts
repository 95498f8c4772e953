// The next images to answer, fetched ahead and leased, so that the swap is instant and the ranking stays fresh.
import type { Task } from '../api/types'

export interface QueueServer {
  next: (count: number, exclude: number[]) => Promise<Task[]>
  /** Holds on to images for longer; answers with those that were lost. */
  renew: (images: number[]) => Promise<number[]>
  release: (images: number[]) => Promise<unknown>
}

export interface QueueOptions {
  server: QueueServer
  /** Called for each task as it arrives, to load its image. */
  preload: (task: Task) => void
  /** Images answered here whose answers the server may not have yet: held, and never shown again. */
  unsent: () => number[]
}

export type QueueState = 'loading' | 'ready' | 'empty' | 'failed'

/** Tasks fetched ahead of the current one. */
const AHEAD = 6
/** The current task and the next: never changed by a new ranking. */
const KEEP = 2
/** Fetch again once this many are missing. */
const SLACK = 2
/** A new ranking is taken in at most this often. */
const REFRESH_MS = 1200
/** An empty queue is asked again: somebody may give an image back. */
const EMPTY_MS = 10_000
const FIRST_RETRY_MS = 1500
const LONGEST_RETRY_MS = 30_000

export class TaskQueue {
  tasks: Task[] = []
  state: QueueState = 'loading'
  error: unknown = null
  onchange: () => void = () => {}
  #answered = new Set<number>()
  #fetching = false
  #again: 'no' | 'fill' | 'refresh' = 'no'
  #refreshedAt = -Infinity
  #refreshTimer: ReturnType<typeof setTimeout> | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #closed = false

  constructor(private readonly options: QueueOptions) {}

  get current(): Task | null {
    return this.tasks[0] ?? null
  }

  /** Removes the current task, which was just answered, and sees to it that there are enough. */
  take(): Task | null {
    const task = this.tasks.shift() ?? null
    if (task) this.#answered.add(task.image.id)
    if (this.tasks.length === 0) this.state = 'loading'
    this.onchange()
    void this.fill()
    return task
  }

  /** An answer was taken back: the image may come again. */
  forgive(image: number): void {
    this.#answered.delete(image)
  }

  /** Fetches what is missing. */
  async fill(): Promise<void> {
    if (this.tasks.length <= AHEAD + 1 - SLACK) await this.#fetch('fill')
  }

  /** A new ranking is in place: the tasks beyond the next one are given back and taken from it. */
  refresh(): void {
    const wait = this.#refreshedAt + REFRESH_MS - Date.now()
    clearTimeout(this.#refreshTimer)
    this.#refreshTimer = setTimeout(() => void this.#fetch('refresh'), Math.max(0, wait))
  }

  /** Keeps the leases; drops what was lost meanwhile. Returns whether the current task was among them. */
  async renew(): Promise<boolean> {
    const held = [...new Set([...this.#ids(), ...this.options.unsent()])]
    if (held.length === 0) return false
    const lost = new Set(await this.options.server.renew(held))
    const current = this.current
    this.tasks = this.tasks.filter((task) => !lost.has(task.image.id))
    if (lost.size > 0) {
      this.onchange()
      void this.fill()
    }
    return current !== null && lost.has(current.image.id)
  }

  /** Stops, and gives everything back but the first `kept` tasks. */
  close(kept = 0): void {
    this.#closed = true
    clearTimeout(this.#refreshTimer)
    clearTimeout(this.#retryTimer)
    const back = this.#ids().slice(kept)
    if (back.length > 0) void this.options.server.release(back)
    this.tasks = []
  }

  /** One request at a time, so that no image is asked for twice. */
  async #fetch(kind: 'fill' | 'refresh'): Promise<void> {
    if (this.#closed) return
    if (this.#fetching) {
      if (this.#again !== 'refresh') this.#again = kind
      return
    }
    this.#fetching = true
    clearTimeout(this.#retryTimer)
    try {
      if (kind === 'refresh') await this.#giveBack()
      const exclude = [...new Set([...this.#ids(), ...this.options.unsent()])]
      this.#take(await this.options.server.next(AHEAD + 1 - this.tasks.length, exclude))
      this.error = null
      this.#failures = 0
      if (this.state === 'empty') this.#retryIn(EMPTY_MS)
    } catch (error) {
      this.error = error
      if (this.tasks.length === 0) this.state = 'failed'
      this.#failures += 1
      this.#retryIn(Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS))
    } finally {
      this.#fetching = false
    }
    if (this.#closed) return
    this.onchange()
    const again = this.#again
    this.#again = 'no'
    if (again === 'refresh') this.refresh()
    else if (again === 'fill') await this.fill()
  }

  /** Gives back what lies beyond the next task, so that the server can hand out the best again. */
  async #giveBack(): Promise<void> {
    this.#refreshedAt = Date.now()
    const back = this.#ids().slice(KEEP)
    if (back.length === 0) return
    // From here on they are not ours, even if the person is faster than the server.
    this.tasks = this.tasks.slice(0, KEEP)
    await this.options.server.release(back)
  }

  #take(fresh: Task[]): void {
    if (this.#closed) {
      if (fresh.length > 0) void this.options.server.release(fresh.map((task) => task.image.id))
      return
    }
    const held = new Set(this.#ids())
    const added = fresh.filter((task) => !held.has(task.image.id) && !this.#answered.has(task.image.id))
    this.tasks = [...this.tasks, ...added]
    this.state = this.tasks.length > 0 ? 'ready' : 'empty'
    for (const task of added) this.options.preload(task)
  }

  #retryIn(ms: number): void {
    if (!this.#closed) this.#retryTimer = setTimeout(() => void this.fill(), ms)
  }

  #ids(): number[] {
    return this.tasks.map((task) => task.image.id)
  }
}
