import { expect, test } from 'vitest'
import type { Challenger } from '../src/api/types'
import { chance, isOpen, STATES } from '../src/screens/learn/comparing'

test('how far chance explains a difference is said in words', () => {
  expect(chance(1)).toBe('chance alone does as well more often than not')
  expect(chance(0.2)).toBe('chance alone does as well once in 5 times')
  expect(chance(0.04)).toBe('chance alone does as well once in 25 times')
  expect(chance(0.0001)).toBe('chance alone does as well less than once in 1,000 times')
})

test('every state has a word, and only those at work are open', () => {
  const open = (Object.keys(STATES) as Challenger['state'][]).filter((state) => isOpen({ state } as Challenger))
  expect(open).toEqual(['computing', 'judged'])
  expect(Object.values(STATES).every((one) => one.word.length > 0)).toBe(true)
})
