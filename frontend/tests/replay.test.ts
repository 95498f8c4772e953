import { expect, test } from 'vitest'
import type { Learning } from '../src/api/types'
import { randomLine, replayLines } from '../src/screens/learn/replay'

const curve = (strategy: string, mean: number[], std: number[]) => ({ strategy, labels: [10, 20], mean, std, needed: 20 })
const found: NonNullable<Learning['simulated']> = {
  strategy: 'auto', head: 'blend', features: 'lite0', labels: 1200, labels_now: 1200, stale: false, chosen: 0, images: 1200, pool_images: 840,
  test_images: 360, seeds: 5, full_accuracy: 0.9, text: '', made_at: '2026-11-23T00:00:00Z',
  curves: [curve('auto', [0.6, 0.98], [0.02, 0.05]), curve('random', [0.02, 0.7], [0.05, 0.1])],
}

test('both ways are drawn, random under the other and dashed', () => {
  expect(replayLines(found).map((line) => [line.name, line.mark])).toEqual([
    ['Chosen at random', 'dashed'],
    ['Chosen by the model', undefined],
  ])
})

test('a band is one standard deviation wide and stays within 0 and 1', () => {
  const [random, ours] = replayLines(found)
  expect(random?.points[0]).toMatchObject({ x: 10, y: 0.02, low: 0 })
  expect(ours?.points[1]).toMatchObject({ x: 20, y: 0.98, high: 1 })
  expect(ours?.points[0]?.low).toBeCloseTo(0.58)
})

test('beside what really happened lies chance alone, and it says on what it was measured', () => {
  expect(randomLine(found)?.name).toBe('Chosen at random (replayed on your 1,200 labelled images)')
  expect(randomLine(found)?.points.map((point) => point.y)).toEqual([0.02, 0.7])
  expect(randomLine(null)).toBeNull()
})
