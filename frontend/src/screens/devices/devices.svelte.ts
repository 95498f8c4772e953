// The devices of a project and what was deployed to them, kept fresh by live events.
import { SvelteDate } from 'svelte/reactivity'
import * as calls from '../../api/fleet'
import type { Address, Deployment, Device } from '../../api/types'
import { live } from '../../state/live.svelte'
import { confirm } from '../../state/confirm.svelte'
import { toasts } from '../../state/toasts.svelte'
import { whileSeen } from '../while-seen'
import { listed, present } from './deploying'

/** Whether a device is still heard of changes without an event. */
const EVERY_MS = 20_000

export class ProjectDevices {
  devices = $state.raw<readonly Device[] | null>(null)
  deployments = $state.raw<readonly Deployment[]>([])
  address = $state.raw<Address | null>(null)
  problem = $state<unknown>(null)
  /** When all of it was told. */
  at = $state(Date.now())
  /** Now, often enough for "3 minutes ago". */
  now = new SvelteDate()
  present = $derived(present(this.devices ?? []))
  rolling = $derived(this.deployments.filter((one) => one.state === 'rolling'))

  constructor(readonly project: number) {}

  /** Loads, and follows the project until the returned function is called. */
  follow(): () => void {
    const off = [
      whileSeen(() => this.load(), EVERY_MS),
      live.on('device', (device) => this.note(device)),
      live.on('deployment', (deployment) => this.noteDeployment(deployment)),
      live.onReturn(() => void this.load()),
    ]
    return () => {
      for (const stop of off) stop()
    }
  }

  async load(): Promise<void> {
    try {
      const [told, deployments] = await Promise.all([calls.devices(this.project), calls.deployments(this.project)])
      this.devices = told.devices
      this.address = told.address
      this.deployments = deployments
      this.problem = null
      this.at = Date.now()
    } catch (error) {
      this.problem = error
    }
    this.now.setTime(Date.now())
  }

  note(device: Device): void {
    const known = this.devices ?? []
    this.devices = known.some((one) => one.id === device.id) ? known.map((one) => (one.id === device.id ? { ...one, ...device } : one)) : [...known, device]
    this.now.setTime(Date.now())
  }

  noteDeployment(deployment: Deployment): void {
    const known = this.deployments.some((one) => one.id === deployment.id)
    this.deployments = known ? this.deployments.map((one) => (one.id === deployment.id ? deployment : one)) : [deployment, ...this.deployments]
  }
}

/** Asks, and takes a device back to what it ran before. */
export async function rollBack(project: number, device: Device): Promise<Deployment | null> {
  const sure = await confirm.ask({
    title: `Roll back ${device.name}?`,
    body: `It goes back from v${device.running?.number ?? ''} to the bundle that it ran before, answering all the while. If it no longer has that one, it downloads it again.`,
    action: 'Roll back',
  })
  if (!sure) return null
  try {
    const made = await calls.rollBackDevice(project, device.id)
    toasts.good(`${device.name} goes back to v${made.number}`)
    return made
  } catch (error) {
    toasts.bad(error)
    return null
  }
}

/** Asks, and takes each device that runs what a deployment brought back to what it ran before. */
export async function rollBackAll(project: number, deployment: Deployment): Promise<Deployment[]> {
  const names = deployment.deliveries.filter((one) => one.state === 'running').map((one) => one.name)
  const sure = await confirm.ask({
    title: `Roll back v${deployment.number}?`,
    body: `${listed(names)} ${names.length === 1 ? 'goes' : 'go'} back from v${deployment.number} to what ${names.length === 1 ? 'it' : 'each'} ran before, answering all the while.${deployment.state === 'rolling' ? ' What has not arrived yet is stopped.' : ''}`,
    action: 'Roll back',
  })
  if (!sure) return []
  try {
    return await calls.rollBackDeployment(project, deployment.id)
  } catch (error) {
    toasts.bad(error)
    return []
  }
}

/** Asks, and stops a deployment where it is. */
export async function cancelDeployment(project: number, deployment: Deployment): Promise<Deployment[]> {
  const sure = await confirm.ask({
    title: 'Stop this deployment?',
    body: `Devices that already run v${deployment.number} keep it; the others stay with what they run.`,
    action: 'Stop deployment',
    danger: true,
  })
  if (!sure) return []
  try {
    return [await calls.cancelDeployment(project, deployment.id)]
  } catch (error) {
    toasts.bad(error)
    return []
  }
}

/** Asks, and shuts a device out. The answer is whether it was done. */
export async function revoke(project: number, device: Device): Promise<boolean> {
  const sure = await confirm.ask({
    title: `Revoke ${device.name}?`,
    body: 'It gets no more bundles and can send nothing home. What it runs goes on there. To bring it back, enrol it again with a new code.',
    action: 'Revoke device',
    danger: true,
    typed: device.name,
  })
  if (!sure) return false
  try {
    await calls.revokeDevice(project, device.id)
    toasts.good(`${device.name} is revoked`)
    return true
  } catch (error) {
    toasts.bad(error)
    return false
  }
}
