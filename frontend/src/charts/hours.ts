// Counts an hour, without holes: hours in which nothing happened are zeros, not left out.

export interface Hour {
  hour: string
  count: number
}

export interface Slot {
  at: Date
  count: number
}

const HOUR_MS = 3_600_000

/** The last `length` hours up to `now`, or from the first hour told if that is later (but at least `least` hours). */
export function hoursUpTo(told: readonly Hour[], now: Date, length = 48, least = 12): Slot[] {
  const byHour = new Map<number, number>()
  for (const { hour, count } of told) {
    const key = floor(Date.parse(hour))
    byHour.set(key, (byHour.get(key) ?? 0) + count)
  }
  const end = floor(now.getTime())
  const first = Math.min(...byHour.keys(), end)
  const size = Math.min(length, Math.max(least, (end - first) / HOUR_MS + 1))
  return Array.from({ length: size }, (_, at) => {
    const time = end - (size - 1 - at) * HOUR_MS
    return { at: new Date(time), count: byHour.get(time) ?? 0 }
  })
}

const floor = (time: number) => Math.floor(time / HOUR_MS) * HOUR_MS
