// All devices that we may see, fetched again when the server says that there is something new.
import * as api from '../../api/calls'
import * as calls from '../../api/fleet'
import type { Alert, Fleet } from '../../api/types'
import { toasts } from '../../state/toasts.svelte'
import { whileSeen } from '../while-seen'

/** Whether a device is still heard of changes without an event. */
const EVERY_MS = 20_000
/** Many devices may have news at once: they are fetched together. */
const TOGETHER_MS = 1500

export class FleetNews {
  data = $state.raw<Fleet | null>(null)
  /** The projects that we do more than look at: only there may we say that an alert was seen. */
  ours = $state.raw<ReadonlySet<number>>(new Set())
  problem = $state<unknown>(null)
  /** When `data` was told. */
  at = $state(Date.now())

  /** Loads, and follows what happens until the returned function is called. */
  follow(): () => void {
    void this.#roles()
    const stop = whileSeen(() => this.load(), EVERY_MS)
    const news = new EventSource('/events/fleet')
    let timer: ReturnType<typeof setTimeout> | undefined
    news.addEventListener('look', () => {
      timer ??= setTimeout(() => {
        timer = undefined
        if (document.visibilityState === 'visible') void this.load()
      }, TOGETHER_MS)
    })
    return () => {
      stop()
      news.close()
      clearTimeout(timer)
    }
  }

  async load(): Promise<void> {
    try {
      this.data = await calls.fleet()
      this.at = Date.now()
      this.problem = null
    } catch (error) {
      this.problem = error
    }
  }

  async seen(alert: Fleet['alerts'][number]): Promise<void> {
    try {
      this.#note(alert.id, await calls.alertSeen(alert.project.id, alert.id))
    } catch (error) {
      toasts.bad(error)
    }
  }

  #note(id: number, told: Alert): void {
    if (!this.data) return
    this.data = { ...this.data, alerts: this.data.alerts.map((one) => (one.id === id ? { ...one, ...told, project: one.project } : one)) }
  }

  async #roles(): Promise<void> {
    try {
      this.ours = new Set((await api.projects()).filter((one) => one.role !== 'viewer').map((one) => one.id))
    } catch {
      // Without them the page only reads.
    }
  }
}
