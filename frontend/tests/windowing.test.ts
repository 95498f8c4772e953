import { expect, test } from 'vitest'
import { inView, layOut } from '../src/screens/images/windowing'

test('tiles fill the width, and never fewer than two a row', () => {
  expect(layOut(1000, 50, 150, 10)).toMatchObject({ columns: 6, tile: 950 / 6 })
  expect(layOut(200, 5, 150, 10)).toMatchObject({ columns: 2, tile: 95, height: 3 * 105 - 10 })
  expect(layOut(1000, 0, 150, 10).height).toBe(0)
})

test('of a hundred thousand images only those near the window are drawn', () => {
  const grid = layOut(1000, 100_000, 150, 10)
  const { from, to } = inView(grid, 100_000, 500_000, 900)
  expect(from).toBeGreaterThan(0)
  expect(to - from).toBeLessThan(100)
  const row = Math.floor(500_000 / grid.pitch)
  expect(from).toBeLessThanOrEqual(row * grid.columns)
  expect(to).toBeGreaterThan((row + Math.ceil(900 / grid.pitch)) * grid.columns - grid.columns)
})

test('above its top and below its end, nothing out of range is asked for', () => {
  const grid = layOut(1000, 20, 150, 10)
  expect(inView(grid, 20, -400, 900)).toEqual({ from: 0, to: 20 })
  expect(inView(grid, 20, 50_000, 900)).toEqual({ from: 20, to: 20 })
})
