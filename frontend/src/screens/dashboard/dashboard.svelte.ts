// What the dashboard shows: fetched again soon after each event, but not after each of many, and now and then for what has no events.
import * as calls from '../../api/calls'
import type { Dashboard } from '../../api/types'
import { live } from '../../state/live.svelte'
import { whileSeen } from '../while-seen'

const PAUSE_MS = 3000
/** Workers and the disk tell nobody when they change. */
const EVERY_MS = 20_000

export class DashboardNews {
  data = $state.raw<Dashboard | null>(null)
  problem = $state<unknown>(null)
  /** When `data` was told. */
  at = $state.raw(new Date())
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly project: number) {}

  /** Loads, and follows the project until the returned function is called. */
  follow(): () => void {
    const soon = () => this.#soon()
    const off = [
      whileSeen(() => this.load(), EVERY_MS),
      live.on('progress', soon),
      live.on('model', soon),
      live.on('job', (job) => job.state !== 'running' && soon()),
      live.on('queue', soon),
      live.onReturn(soon),
    ]
    return () => {
      for (const stop of off) stop()
      clearTimeout(this.#timer)
    }
  }

  async load(): Promise<void> {
    try {
      this.data = await calls.dashboard(this.project)
      this.at = new Date()
      this.problem = null
    } catch (error) {
      this.problem = error
    }
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.load()
    }, PAUSE_MS)
  }
}
