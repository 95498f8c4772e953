// From numbers to pixels, and the round numbers at which an axis is marked.

export interface Scale {
  (value: number): number
  domain: readonly [number, number]
}

export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [from, to] = domain
  const span = to - from || 1
  const scale = (value: number) => range[0] + ((value - from) / span) * (range[1] - range[0])
  return Object.assign(scale, { domain })
}

/** Round steps (1, 2 or 5 times a power of ten) that cut `span` in about `wanted` pieces. */
export function niceStep(span: number, wanted: number): number {
  if (!(span > 0)) return 1
  const rough = span / Math.max(1, wanted)
  const power = 10 ** Math.floor(Math.log10(rough))
  const lead = rough / power
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power
}

/** Round values inside [low, high], about `wanted` of them. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const step = niceStep(high - low, wanted)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => Number(((first + at) * step).toPrecision(12)))
}

/** [0, top] with a round top that holds every value; counts get whole steps. */
export function fromZero(values: readonly number[], wanted = 4): readonly [number, number] {
  const most = Math.max(1, ...values)
  const step = Math.max(1, niceStep(most, wanted))
  return [0, Math.ceil(most / step) * step]
}

/** A part of 0..1 that holds all shares with some air, cut at round tenths. */
export function shareDomain(values: readonly number[]): readonly [number, number] {
  if (values.length === 0) return [0, 1]
  const low = Math.max(0, Math.floor((Math.min(...values) - 0.02) * 10) / 10)
  const high = Math.min(1, Math.ceil((Math.max(...values) + 0.02) * 10) / 10)
  return high - low < 0.2 ? [Math.max(0, high - 0.2), high] : [low, high]
}

/** The index of the value nearest to `x`; values ascend. -1 when there are none. */
export function nearest(values: readonly number[], x: number): number {
  let best = -1
  let distance = Infinity
  for (const [at, value] of values.entries()) {
    if (Math.abs(value - x) >= distance) continue
    best = at
    distance = Math.abs(value - x)
  }
  return best
}

/** Where a key of the keyboard leads among `count` values, from `at`; -1 reads nothing, undefined is no such key. */
export function stepped(key: string, at: number, count: number): number | undefined {
  const last = count - 1
  return { ArrowRight: Math.min(last, at + 1), ArrowLeft: Math.max(0, at - 1), Home: 0, End: last, Escape: -1 }[key]
}

/** The left edge of a tip of so many pixels that belongs to `x`: to its right, else to its left, always within `width` where it fits. */
export function beside(x: number, tip: number, width: number, gap = 12): number {
  if (x + gap + tip <= width) return x + gap
  return Math.max(0, x - gap - tip)
}
