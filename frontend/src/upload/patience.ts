// Sending that can be paused, resumed and cancelled, and that waits out a lost connection.
import { ApiError } from '../api/client'

export type Mood = 'going' | 'paused' | 'waiting' | 'cancelled'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000

export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

/** Worth trying again later: the network, a busy or restarting server. A full disk is not: a person must act first. */
export const passing = (error: unknown): error is ApiError => error instanceof ApiError && error.temporary && error.status !== 507

export class Patience {
  mood: Mood = 'going'
  /** Why it waits. */
  reason = ''
  #stop = new AbortController()
  #wake: (() => void)[] = []

  constructor(
    private readonly changed: () => void = () => {},
    private readonly clock: Clock = realClock,
  ) {}

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  pause(): void {
    if (this.mood !== 'cancelled') this.#be('paused')
  }

  /** Goes on after a pause; or tries again at once while it waits for the connection. */
  resume(): void {
    if (this.mood === 'cancelled') return
    this.#be('going')
    this.#rouse()
  }

  cancel(): void {
    this.#be('cancelled')
    this.#stop.abort()
    this.#rouse()
  }

  /** Returns when sending may go on; throws an AbortError once cancelled. */
  async gate(): Promise<void> {
    while (this.mood === 'paused') await new Promise<void>((resolve) => this.#wake.push(resolve))
    this.signal.throwIfAborted()
  }

  /** Runs `send` until it succeeds, waiting longer after each passing failure; other failures are thrown. */
  async insist<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      await this.gate()
      try {
        const answer = await send(this.signal)
        if (this.mood === 'waiting') this.#be('going')
        return answer
      } catch (error) {
        this.signal.throwIfAborted()
        if (!passing(error)) throw error
        if (this.mood === 'going') this.#be('waiting', error.message)
        const least = (error.retryAfter ?? 0) * 1000
        await Promise.race([this.clock.sleep(Math.max(wait, least)), new Promise<void>((resolve) => this.#wake.push(resolve))])
      }
    }
  }

  #be(mood: Mood, reason = ''): void {
    if (this.mood === mood) return
    this.mood = mood
    this.reason = reason
    this.changed()
  }

  #rouse(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
