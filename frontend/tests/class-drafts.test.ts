import { expect, test } from 'vitest'
import { freeColor, freeKey, isReserved, KEYS, namesIn, PALETTE } from '../src/screens/settings/palette'

test('names may be separated by commas, semicolons, tabs and lines', () => {
  expect(namesIn(' glass, paper;metal\n plastic  bottle\t\ttrash ,')).toEqual(['glass', 'paper', 'metal', 'plastic bottle', 'trash'])
  expect(namesIn('  ')).toEqual([])
})

test('a new class gets the first colour and key that are free', () => {
  expect(freeColor([])).toBe(PALETTE[0])
  expect(freeColor(['#4477AA', '#ee6677'])).toBe(PALETTE[2])
  expect(freeKey(['1', '3'])).toBe('2')
})

test('when all are taken, colours come round again and keys run out', () => {
  expect(PALETTE).toContain(freeColor(PALETTE))
  expect(freeKey([...KEYS])).toBe('')
})

test('keys of the label page are never offered', () => {
  expect([...KEYS].some(isReserved)).toBe(false)
  expect(isReserved('S')).toBe(true)
})
