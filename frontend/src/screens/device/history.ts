// What a device told of its last hours, as lines and bars.
import type { DriftPoint, VitalsPoint } from '../../api/types'
import type { Bar } from '../../charts/BarChart.svelte'
import type { LinePoint, LineSeries } from '../../charts/LineChart.svelte'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** The server puts minutes together in 240 points: a slot is a whole number of those. */
export const PERIODS = [
  { value: '1', label: '1 hour', slot: MINUTE_MS },
  { value: '24', label: '24 hours', slot: 30 * MINUTE_MS },
  { value: '168', label: '7 days', slot: 168 * MINUTE_MS },
] as const
export type Period = (typeof PERIODS)[number]['value']
export const slotOf = (period: Period) => PERIODS.find((one) => one.value === period)?.slot ?? MINUTE_MS

export interface Slot {
  at: number
  count: number
  errors: number
  /** The median, weighed by how many answers each minute had. */
  p50: number | null
  /** Of the slowest minute. */
  p95: number | null
  confidence: number | null
}

/** The minutes put together in slots of `size` ms; slots without a word from the device are left out. */
export function slots(vitals: readonly VitalsPoint[], size: number): Slot[] {
  const byTime = new Map<number, VitalsPoint[]>()
  for (const point of vitals) {
    const at = Math.floor(Date.parse(point.at) / size) * size
    byTime.set(at, [...(byTime.get(at) ?? []), point])
  }
  return [...byTime.entries()].sort(([a], [b]) => a - b).map(([at, points]) => ({
    at,
    count: sum(points.map((one) => one.count)),
    errors: sum(points.map((one) => one.errors)),
    p50: weighed(points, (one) => one.p50_ms),
    p95: points.reduce<number | null>((most, one) => (one.p95_ms === null ? most : Math.max(most ?? 0, one.p95_ms)), null),
    confidence: weighed(points, (one) => one.mean_confidence),
  }))
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function weighed(points: readonly VitalsPoint[], value: (point: VitalsPoint) => number | null): number | null {
  const told = points.filter((one) => value(one) !== null && one.count > 0)
  const count = sum(told.map((one) => one.count))
  return count ? sum(told.map((one) => (value(one) ?? 0) * one.count)) / count : null
}

export function latencyLines(told: readonly Slot[], size: number, budget: number | null): LineSeries[] {
  const line = (value: (slot: Slot) => number | null): LinePoint[] => told.flatMap((slot) => spot(slot.at, value(slot)))
  const known = told.filter((slot) => slot.p50 !== null)
  return [
    { name: 'Half are faster than', color: 'var(--accent)', gap: size * 1.5, points: line((slot) => slot.p50) },
    { name: '95 % are faster than', color: 'var(--warn)', mark: 'dotted', gap: size * 1.5, points: line((slot) => slot.p95) },
    ...(budget === null || known.length === 0 ? [] : [{ name: 'Budget', color: 'var(--bad)', mark: 'dashed' as const, points: known.map((slot) => ({ x: slot.at, y: budget })) }]),
  ]
}

const spot = (x: number, y: number | null): LinePoint[] => (y === null ? [] : [{ x, y }])

/** A bar for each slot from `from` to `to`, those without a word from the device too. */
export function imageBars(told: readonly Slot[], size: number, [from, to]: readonly [number, number], zone?: string): Bar[] {
  const counts = new Map(told.map((slot) => [slot.at, slot.count]))
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone })
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: zone })
  const first = Math.floor(from / size) * size + size
  const length = Math.max(0, Math.floor((to - first) / size) + 1)
  return Array.from({ length }, (_, index) => {
    const at = first + index * size
    const tick = to - from > 2 * 24 * HOUR_MS ? `${day.format(at)} ${clock.format(at)}` : clock.format(at)
    return { tick, name: `${day.format(at)} ${clock.format(at)} – ${clock.format(at + size)}`, value: counts.get(at) ?? 0 }
  })
}

/** How far one measure has shifted, and from where on it is an alert. */
export function driftLines(drift: readonly DriftPoint[], measure: 'psi' | 'mmd', gap: number): LineSeries[] {
  const told = drift.filter((point) => point[measure] !== null)
  const points = told.map((point) => ({ x: Date.parse(point.at), y: point[measure] ?? 0 }))
  const limits = told.flatMap((point) => {
    const limit = point[measure === 'psi' ? 'threshold_psi' : 'threshold_mmd']
    return limit === null ? [] : [{ x: Date.parse(point.at), y: limit }]
  })
  if (points.length === 0) return []
  return [
    { name: 'Shift', color: 'var(--accent)', gap, points },
    ...(limits.length ? [{ name: 'An alert from here', color: 'var(--bad)', mark: 'dashed' as const, points: limits }] : []),
  ]
}

/** From 0 to a round number above all points. */
export function domainOf(series: readonly LineSeries[], least = 0): readonly [number, number] {
  const most = Math.max(least, ...series.flatMap((one) => one.points.map((point) => point.y)))
  if (!(most > 0)) return [0, 1]
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((lead) => lead * power >= most * 1.05) ?? 15
  return [0, Number((step * power).toPrecision(6))]
}

/** Round times between two, about `wanted` of them: minutes, hours or days of the reader's clock. */
export function timeMarks([from, to]: readonly [number, number], wanted: number): number[] {
  const steps = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((minutes) => minutes * MINUTE_MS)
  const step = steps.find((one) => (to - from) / one <= wanted) ?? 2880 * MINUTE_MS
  const shift = new Date(to).getTimezoneOffset() * MINUTE_MS
  const first = Math.ceil((from - shift) / step) * step + shift
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, at) => first + at * step)
}

/** A time as an axis is marked: the clock, or the day where days are shown. */
export function clock(at: number, [from, to]: readonly [number, number], zone?: string): string {
  if (to - from > 2 * 24 * HOUR_MS) return new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', timeZone: zone }).format(at)
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(at)
}

/** A time in full: "Tue 3 Mar, 14:05". */
export const moment = (at: number, zone?: string) =>
  new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZone: zone }).format(at)

/** All slots as one. */
export function total(told: readonly Slot[]): Omit<Slot, 'at'> {
  const mean = (value: (slot: Slot) => number | null) => {
    const known = told.filter((slot) => value(slot) !== null)
    const of = sum(known.map((slot) => slot.count))
    return of ? sum(known.map((slot) => (value(slot) ?? 0) * slot.count)) / of : null
  }
  const slowest = told.flatMap((slot) => (slot.p95 === null ? [] : [slot.p95]))
  return {
    count: sum(told.map((slot) => slot.count)),
    errors: sum(told.map((slot) => slot.errors)),
    p50: mean((slot) => slot.p50),
    p95: slowest.length ? Math.max(...slowest) : null,
    confidence: mean((slot) => slot.confidence),
  }
}
