// What is typed into a device's settings, and what of it is new or wrong.
import type { Device, DeviceChanges, Privacy } from '../../api/types'

export interface Draft {
  name: string
  group: string
  privacy: Privacy
  keep_per_hour: string
  keep_mb: string
  latency_budget_ms: string
}

export const draftOf = (device: Device): Draft => ({
  name: device.name,
  group: device.group,
  privacy: device.privacy,
  keep_per_hour: String(device.keep_per_hour),
  keep_mb: String(device.keep_mb),
  latency_budget_ms: device.latency_budget_ms === null ? '' : String(device.latency_budget_ms),
})

const number = (text: string) => Number(text.trim().replace(',', '.'))

/** What would be refused, with how to mend it. */
export function mistake(draft: Draft): { field: keyof DeviceChanges; message: string } | null {
  const whole = (text: string) => text.trim() !== '' && Number.isInteger(number(text)) && number(text) >= 0
  if (!draft.name.trim()) return { field: 'name', message: 'A device needs a name.' }
  if (!whole(draft.keep_per_hour)) return { field: 'keep_per_hour', message: 'A whole number, 0 or more.' }
  if (!whole(draft.keep_mb)) return { field: 'keep_mb', message: 'A whole number of megabytes, 0 or more.' }
  if (draft.latency_budget_ms.trim() && !(number(draft.latency_budget_ms) > 0)) return { field: 'latency_budget_ms', message: 'A number of milliseconds above 0, or nothing.' }
  return null
}

/** Only what differs from what the device has. */
export function changesOf(draft: Draft, device: Device): DeviceChanges {
  const budget = draft.latency_budget_ms.trim() ? number(draft.latency_budget_ms) : null
  return {
    ...(draft.name.trim() === device.name ? {} : { name: draft.name.trim() }),
    ...(draft.group.trim() === device.group ? {} : { group: draft.group.trim() }),
    ...(draft.privacy === device.privacy ? {} : { privacy: draft.privacy }),
    ...(number(draft.keep_per_hour) === device.keep_per_hour ? {} : { keep_per_hour: number(draft.keep_per_hour) }),
    ...(number(draft.keep_mb) === device.keep_mb ? {} : { keep_mb: number(draft.keep_mb) }),
    ...(budget === device.latency_budget_ms ? {} : { latency_budget_ms: budget }),
  }
}
