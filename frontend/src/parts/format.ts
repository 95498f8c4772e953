// Numbers, shares, times and sizes as people read them.

const whole = new Intl.NumberFormat('en')

export const count = (value: number) => whole.format(value)

/** "1 image", "2,040 images" */
export const plural = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`

/** A share between 0 and 1 as "87 %"; never "100 %" or "0 %" unless it is exactly that. */
export function percent(share: number): string {
  const rounded = Math.round(share * 100)
  if (rounded === 100 && share < 1) return '> 99 %'
  if (rounded === 0 && share > 0) return '< 1 %'
  return `${rounded} %`
}

/** A sentence of the server, in which no line breaks between a number and its percent sign. */
export const unbroken = (sentence: string) => sentence.replace(/(\d) %/g, '$1\u00a0%')

/** An interval wider than this says more than the value in it. */
const WIDE = 0.2

/** A measured share as "87 %" with "± 4"; as "57–100 %" alone while so little is known that one number would mislead. */
export function estimate({ value, low, high }: { value: number; low: number; high: number }): { main: string; note: string } {
  if (high - low > WIDE) return { main: `${Math.round(low * 100)}–${Math.round(high * 100)} %`, note: '' }
  return { main: percent(value), note: `± ${Math.max(1, Math.round(((high - low) / 2) * 100))}` }
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let at = 0
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000
    at += 1
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`
}

/** Seconds as "12 s", "3 min", "1 h 20 min". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** "2 minutes ago", "yesterday" */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3600], ['minute', 60]]
  for (const [unit, size] of steps) if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit)
  return 'just now'
}
