import { expect, test } from 'vitest'
import { USUAL, wishOf } from '../src/screens/export/wish'

test('the usual loss asks for nothing of its own', () => {
  expect(wishOf(USUAL)).toEqual({})
  expect(wishOf(' 1,0 ')).toEqual({})
})

test.each([['0.5', 0.005], ['2,5', 0.025], ['100', 1], ['0.1', 0.001]])('"%s" points are a share of %d', (typed, share) => {
  expect(wishOf(typed)).toEqual({ max_drop: share })
})

test.each(['', '  ', '0', '0.05', '101', '-1', 'a lot', '1e999'])('"%s" is refused', (typed) => {
  expect(wishOf(typed)).toBeNull()
})
