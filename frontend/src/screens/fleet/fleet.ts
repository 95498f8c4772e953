// Devices of all projects: narrowed by what one looks for, and who runs what.
import type { Fleet } from '../../api/types'
import { standing, type Standing } from '../devices/standing'

export type FleetDevice = Fleet['devices'][number]

export interface Looked {
  project: string
  group: string
  state: string
  search: string
}

export const STATES: readonly { value: Standing['code'] | 'alerts'; label: string }[] = [
  { value: 'running', label: 'Running' },
  { value: 'working', label: 'Updating' },
  { value: 'idle', label: 'Waiting for a bundle' },
  { value: 'failed', label: 'Failed' },
  { value: 'offline', label: 'Offline' },
  { value: 'revoked', label: 'Revoked' },
  { value: 'alerts', label: 'With alerts' },
]

export function narrowed(devices: readonly FleetDevice[], looked: Looked, now = Date.now()): FleetDevice[] {
  const text = looked.search.trim().toLowerCase()
  return devices.filter(
    (one) =>
      (!looked.project || String(one.project.id) === looked.project) &&
      (!looked.group || one.group === looked.group) &&
      (!looked.state || (looked.state === 'alerts' ? one.alerts > 0 : standing(one, now).code === looked.state)) &&
      (!text || `${one.name} ${one.group} ${one.project.name}`.toLowerCase().includes(text)),
  )
}

/** Those that need a look first, then by project and name. */
export function byNeed(devices: readonly FleetDevice[], now = Date.now()): FleetDevice[] {
  const order: Standing['code'][] = ['failed', 'offline', 'working', 'running', 'idle', 'revoked']
  const rank = (one: FleetDevice) => order.indexOf(standing(one, now).code) - (one.alerts > 0 ? 0.5 : 0)
  return [...devices].sort((a, b) => rank(a) - rank(b) || a.project.name.localeCompare(b.project.name) || a.name.localeCompare(b.name))
}

export interface Stack {
  project: { id: number; name: string }
  total: number
  /** Newest version first; null is a device that runs nothing yet. */
  parts: { number: number | null; devices: number; share: number }[]
}

/** For each project, how many devices run each version. */
export function stacks(versions: Fleet['versions']): Stack[] {
  const byProject = new Map<number, Stack>()
  for (const { project, number, devices } of versions) {
    if (devices === 0) continue
    const stack = byProject.get(project.id) ?? { project, total: 0, parts: [] }
    stack.parts.push({ number, devices, share: 0 })
    stack.total += devices
    byProject.set(project.id, stack)
  }
  for (const stack of byProject.values()) {
    for (const part of stack.parts) part.share = part.devices / stack.total
    stack.parts.sort((a, b) => (b.number ?? -1) - (a.number ?? -1))
  }
  return [...byProject.values()].sort((a, b) => a.project.name.localeCompare(b.project.name))
}

/** What was done, in a word. */
export function actionWord(action: string): string {
  const words: Record<string, string> = {
    'device.code_made': 'Made a code for a device',
    'device.enrolled': 'A device was enrolled',
    'device.changed': 'Changed a device',
    'device.revoked': 'Revoked a device',
    'bundle.deployed': 'Deployed',
    'bundle.rolled_back': 'Rolled back',
    'deployment.cancelled': 'Stopped a deployment',
    'deployment.halted': 'A deployment was halted',
  }
  const known = words[action]
  if (known) return known
  const last = (action.split('.').at(-1) ?? action).replaceAll('_', ' ')
  return last.charAt(0).toUpperCase() + last.slice(1)
}
