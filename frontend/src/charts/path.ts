// Lines and bands as SVG paths.
export interface Dot {
  x: number
  y: number
}

const round = (value: number) => Math.round(value * 10) / 10

/** A line through the points; '' when there are none. */
export function line(points: readonly Dot[]): string {
  return points.map((point, at) => `${at === 0 ? 'M' : 'L'}${round(point.x)} ${round(point.y)}`).join('')
}

/** The area between an upper and a lower line over the same points. */
export function band(upper: readonly Dot[], lower: readonly Dot[]): string {
  if (upper.length === 0) return ''
  return `${line(upper)}${line([...lower].reverse()).replace('M', 'L')}Z`
}

/** A line that is broken where the next point lies further than `gap` to the right; a point alone is a dot. */
export function brokenLine(points: readonly Dot[], gap: number): string {
  const runs: Dot[][] = []
  for (const [at, point] of points.entries()) {
    const before = points[at - 1]
    if (before && point.x - before.x <= gap) runs.at(-1)?.push(point)
    else runs.push([point])
  }
  return runs.map((run) => line(run.length === 1 ? [...run, ...run] : run)).join('')
}
