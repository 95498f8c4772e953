// What a device tells about itself, under names that people know.
import type { Device } from '../../api/types'
import { bytes, duration } from '../../parts/format'

export interface Fact {
  name: string
  value: string
}

type Write = (value: number) => string
const MB = 2 ** 20
const HEALTH: readonly (readonly [key: string, name: string, write: Write])[] = [
  ['cpu', 'Processor time', (value) => `${Math.round(value)} % of a core`],
  ['load', 'Load', (value) => value.toFixed(1)],
  ['memory_mb', 'Memory of the runtime', (value) => bytes(value * MB)],
  ['disk_free_mb', 'Disk free', (value) => bytes(value * MB)],
  ['up_seconds', 'Running for', duration],
]
const INFO: readonly (readonly [key: string, name: string])[] = [
  ['hostname', 'Computer'],
  ['system', 'System'],
  ['machine', 'Architecture'],
  ['processor', 'Processor'],
  ['cores', 'Cores'],
  ['devices', 'Can compute on'],
  ['python', 'Python'],
  ['openvino', 'OpenVINO'],
  ['runtime', 'Runtime'],
]

/** Health first, then what it is; what has no name here is left out. */
export function facts({ health, info }: Pick<Device, 'health' | 'info'>): Fact[] {
  return [
    ...HEALTH.flatMap(([key, name, write]) => {
      const value = health[key]
      return typeof value === 'number' ? [{ name, value: write(value) }] : []
    }),
    ...INFO.flatMap(([key, name]) => {
      const value = info[key]
      const told = Array.isArray(value) ? value.join(', ') : typeof value === 'string' || typeof value === 'number' ? String(value) : ''
      // OpenVINO's version is followed by its build.
      return told ? [{ name, value: key === 'openvino' ? (told.split('-')[0] ?? told) : told }] : []
    }),
  ]
}
