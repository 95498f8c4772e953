// What the learn page shows, fetched again soon after each new model, but not after each of many.
import * as calls from '../../api/calls'
import type { Learning, Model } from '../../api/types'
import { live } from '../../state/live.svelte'

const PAUSE_MS = 1500

export class LearningNews {
  data = $state.raw<Learning | null>(null)
  models = $state.raw<readonly Model[]>([])
  problem = $state<unknown>(null)
  #timer: ReturnType<typeof setTimeout> | undefined
  #again = false

  constructor(private readonly project: number) {}

  /** Loads, and follows the project until the returned function is called. */
  follow(): () => void {
    void this.load()
    const off = [
      live.on('model', () => this.#soon()),
      live.on('job', (job) => job.kind === 'replay' && job.state === 'done' && this.#soon()),
      live.onReturn(() => void this.load()),
    ]
    return () => {
      for (const stop of off) stop()
      clearTimeout(this.#timer)
    }
  }

  async load(): Promise<void> {
    try {
      const [data, models] = await Promise.all([calls.learning(this.project), calls.models(this.project)])
      this.data = data
      this.models = models
      this.problem = null
    } catch (error) {
      this.problem = error
    }
  }

  #soon(): void {
    if (this.#timer !== undefined) {
      this.#again = true
      return
    }
    void this.load()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#again) this.#soon()
      this.#again = false
    }, PAUSE_MS)
  }
}
