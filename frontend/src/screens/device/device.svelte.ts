// One device with its last hours, its alerts, and what was delivered to it, kept fresh.
import * as calls from '../../api/fleet'
import type { Alert, Device, DeviceChanges, DeviceHistory } from '../../api/types'
import { live } from '../../state/live.svelte'
import { toasts } from '../../state/toasts.svelte'
import { whileSeen } from '../while-seen'
import type { Period } from './history'

/** Minutes come home by the minute. */
const EVERY_MS = 30_000

export class DeviceNews {
  device = $state.raw<Device | null>(null)
  history = $state.raw<DeviceHistory | null>(null)
  alerts = $state.raw<readonly Alert[]>([])
  period = $state<Period>('24')
  /** When the history was told. */
  at = $state(Date.now())
  problem = $state<unknown>(null)
  /** When the device itself was told. */
  told = $state(Date.now())
  historyProblem = $state<unknown>(null)

  constructor(
    readonly project: number,
    readonly id: string,
  ) {}

  /** Loads, and follows the device until the returned function is called. */
  follow(): () => void {
    const off = [
      whileSeen(() => this.load(), EVERY_MS),
      live.on('device', (device) => {
        if (device.id === this.id) this.device = { ...this.device, ...device }
      }),
      live.on('deployment', (deployment) => {
        if (deployment.deliveries.some((one) => one.device === this.id)) void this.loadHistory()
      }),
      live.on('alert', () => void this.loadAlerts()),
      live.onReturn(() => void this.load()),
    ]
    return () => {
      for (const stop of off) stop()
    }
  }

  async load(): Promise<void> {
    try {
      this.device = await calls.device(this.project, this.id)
      this.problem = null
      this.told = Date.now()
    } catch (error) {
      this.problem = error
      return
    }
    await Promise.all([this.loadHistory(), this.loadAlerts()])
  }

  async loadHistory(): Promise<void> {
    const { period } = this
    try {
      const told = await calls.deviceHistory(this.project, this.id, Number(period))
      if (period !== this.period) return
      this.history = told
      this.at = Date.now()
      this.historyProblem = null
    } catch (error) {
      this.historyProblem = error
    }
  }

  async loadAlerts(): Promise<void> {
    try {
      const all = await calls.alerts(this.project)
      this.alerts = all.filter((one) => one.device === this.id && !one.closed_at)
    } catch {
      // The page stands without them; the next look brings them.
    }
  }

  choose(period: Period): void {
    this.period = period
    void this.loadHistory()
  }

  /** The newest older bundle that it ran, to which it can go back; null when there is none, or it is not known yet. */
  previous({ running }: Device): number | null {
    if (!running) return null
    const older = (this.history?.deliveries ?? []).filter((one) => one.state === 'running' && one.number < running.number)
    return older.length ? Math.max(...older.map((one) => one.number)) : null
  }

  /** Throws what the server says against it. */
  async change(changes: DeviceChanges): Promise<void> {
    this.device = await calls.updateDevice(this.project, this.id, changes)
  }

  async seen(alert: Alert): Promise<void> {
    try {
      const told = await calls.alertSeen(this.project, alert.id)
      this.alerts = this.alerts.map((one) => (one.id === alert.id ? { ...one, ...told } : one))
    } catch (error) {
      toasts.bad(error)
    }
  }
}
