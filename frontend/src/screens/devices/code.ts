// A code that lets one device in: how long it still holds, and which device came with it.
import type { Device } from '../../api/types'

/** "14:05" left, or null when it has run out. */
export function countdown(expires: string, now = Date.now()): string | null {
  const seconds = Math.ceil((Date.parse(expires) - now) / 1000)
  if (seconds <= 0) return null
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** The device that was not there before: the one of the name that was asked for, else any. */
export function arrived(devices: readonly Device[], known: ReadonlySet<string>, name: string): Device | null {
  const fresh = devices.filter((one) => !known.has(one.id))
  return fresh.find((one) => one.name === name) ?? fresh[0] ?? null
}
