// Answers over time as bars, in the reader's own time zone and words.
import type { Bar } from '../../charts/BarChart.svelte'
import { hoursUpTo, type Hour } from '../../charts/hours'
import { count } from '../../parts/format'

/** The server tells three days. */
export const HOURS = 72
const LEAST = 24
const HOUR_MS = 3_600_000

/** A bar for each hour up to now. `zone` is the browser's unless told. */
export function hourBars(told: readonly Hour[], now: Date, zone?: string): Bar[] {
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone })
  const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: zone })
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: zone })
  return hoursUpTo(told, now, HOURS, LEAST).map(({ at, count: value }) => ({
    tick: `${weekday.format(at)} ${time.format(at)}`,
    name: `${day.format(at)}, ${time.format(at)} – ${time.format(at.getTime() + HOUR_MS)}`,
    value,
  }))
}

/** How many of the answers came within the last hours, the one that has begun among them. */
export function lately(told: readonly Hour[], now: Date, hours = 24): number {
  const since = now.getTime() - hours * HOUR_MS
  return told.filter((one) => Date.parse(one.hour) > since).reduce((sum, one) => sum + one.count, 0)
}

/** Answers in the busiest hour, and when: "212 at Tue 14:00"; '' when there were none. */
export function busiest(bars: readonly Bar[]): string {
  const most = bars.reduce<Bar | null>((best, bar) => (bar.value > (best?.value ?? 0) ? bar : best), null)
  return most ? `${count(most.value)} in the busiest hour, ${most.tick}` : ''
}

/** The zone's place as people write it, or '' when the browser does not tell. */
export const zoneName = () => (Intl.DateTimeFormat().resolvedOptions().timeZone ?? '').split('_').join(' ')

/** A median of seconds: short ones with a tenth, since that is where people differ. */
export function pace(seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  return `${Math.round(seconds / 60)} min`
}
