// A replay as lines of a chart.
import type { Learning } from '../../api/types'
import type { LineSeries } from '../../charts'

type Replay = NonNullable<Learning['simulated']>
type Curve = Replay['curves'][number]

const CHANCE = 'random'

/** Random first, so that the other line is drawn over it. */
export function replayLines(found: Replay): LineSeries[] {
  return found.curves
    .map((curve) =>
      curve.strategy === CHANCE
        ? { name: 'Chosen at random', color: 'var(--text-faint)', mark: 'dashed' as const, points: points(curve), band: 'its spread' }
        : { name: 'Chosen by the model', color: 'var(--accent)', points: points(curve), band: 'spread between repeats' },
    )
    .reverse()
}

/** The line of chance alone, to lie beside what really happened; null where nothing was measured. */
export function randomLine(found: Learning['simulated']): LineSeries | null {
  const curve = found?.curves.find((one) => one.strategy === CHANCE)
  if (!found || !curve) return null
  return {
    name: `Chosen at random (replayed on your ${found.images.toLocaleString('en')} labelled images)`,
    color: 'var(--text-faint)',
    mark: 'dashed',
    points: points(curve),
    band: 'its spread',
  }
}

function points(curve: Curve): LineSeries['points'] {
  return curve.labels.map((x, at) => {
    const [y, spread] = [curve.mean[at] ?? 0, curve.std[at] ?? 0]
    return { x, y, low: Math.max(0, y - spread), high: Math.min(1, y + spread) }
  })
}
