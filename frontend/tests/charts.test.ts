import { expect, test } from 'vitest'
import { hoursUpTo } from '../src/charts/hours'
import { band, line } from '../src/charts/path'
import { beside, fromZero, linear, nearest, shareDomain, stepped, ticks } from '../src/charts/scale'

test('a scale carries its domain onto its range', () => {
  const scale = linear([0, 10], [100, 0])
  expect([scale(0), scale(5), scale(10)]).toEqual([100, 50, 0])
})

test('a scale of a single value does not divide by zero', () => {
  expect(linear([3, 3], [0, 100])(3)).toBe(0)
})

test.each([
  [0, 1, 4, [0, 0.5, 1]],
  [0.3, 1, 4, [0.4, 0.6, 0.8, 1]],
  [0, 640, 5, [0, 200, 400, 600]],
  [0, 0, 4, [0]],
])('ticks from %d to %d, about %d of them, are round', (low, high, wanted, expected) => {
  expect(ticks(low, high, wanted)).toEqual(expected)
})

test('a domain of counts starts at zero, ends round, and never steps in fractions', () => {
  expect(fromZero([3, 87])).toEqual([0, 100])
  expect(fromZero([])).toEqual([0, 1])
  expect(fromZero([2])).toEqual([0, 2])
})

test('a domain of shares holds all of them and stays within 0 and 1', () => {
  expect(shareDomain([0.62, 0.9])).toEqual([0.6, 1])
  expect(shareDomain([0.98, 1])).toEqual([0.8, 1])
  expect(shareDomain([])).toEqual([0, 1])
})

test('the nearest value is found', () => {
  expect(nearest([10, 20, 40], 29)).toBe(1)
  expect(nearest([10, 20, 40], 31)).toBe(2)
  expect(nearest([], 1)).toBe(-1)
})

test('a band is closed: out along the upper line, back along the lower', () => {
  const upper = [{ x: 0, y: 1 }, { x: 10, y: 2 }]
  const lower = [{ x: 0, y: 5 }, { x: 10, y: 6 }]
  expect(line(upper)).toBe('M0 1L10 2')
  expect(band(upper, lower)).toBe('M0 1L10 2L10 6L0 5Z')
  expect(band([], [])).toBe('')
})

test('hours in which nothing happened are zeros', () => {
  const now = new Date('2026-03-02T15:20:00Z')
  const slots = hoursUpTo([{ hour: '2026-03-02T10:00:00Z', count: 5 }, { hour: '2026-03-02T15:00:00Z', count: 2 }], now, 48, 4)
  expect(slots.map((slot) => slot.count)).toEqual([5, 0, 0, 0, 0, 2])
  expect(slots.at(-1)?.at.toISOString()).toBe('2026-03-02T15:00:00.000Z')
})

test('old hours fall off, and a quiet project still has an axis', () => {
  const now = new Date('2026-03-02T15:20:00Z')
  expect(hoursUpTo([{ hour: '2026-01-01T00:00:00Z', count: 9 }], now, 48)).toHaveLength(48)
  expect(hoursUpTo([], now, 48, 12).map((slot) => slot.count)).toEqual(Array(12).fill(0))
})

test.each([
  ['ArrowRight', -1, 0], ['ArrowRight', 2, 2], ['ArrowLeft', 0, 0], ['ArrowLeft', 2, 1], ['Home', 2, 0], ['End', 0, 2], ['Escape', 1, -1], ['a', 1, undefined],
])('%s at %d leads to %s among three', (key, at, to) => {
  expect(stepped(key, at, 3)).toBe(to)
})

test('a tip stands right of its point, left of it near the edge, and never out of the chart', () => {
  expect(beside(100, 120, 400)).toBe(112)
  expect(beside(300, 120, 400)).toBe(168)
  expect(beside(100, 240, 300)).toBe(0)
})
