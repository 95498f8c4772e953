import { describe, expect, test } from 'vitest'
import { ago, bytes, duration, percent, plural, estimate, unbroken } from '../src/parts/format'

describe('a share', () => {
  test.each([[0, '0 %'], [0.002, '< 1 %'], [0.874, '87 %'], [0.999, '> 99 %'], [1, '100 %']])('%f is %s', (share, text) =>
    expect(percent(share)).toBe(text),
  )
})

test('an interval is told by half its width, never as zero', () => {
  expect(estimate({ value: 0.86, low: 0.8, high: 0.9 })).toEqual({ main: '86 %', note: '± 5' })
  expect(estimate({ value: 0.9, low: 0.9, high: 0.9 }).note).toBe('± 1')
  // Six right out of six: not "100 % ± 20".
  expect(estimate({ value: 1, low: 0.61, high: 1 })).toEqual({ main: '61–100 %', note: '' })
})

test.each([[999, '999 B'], [17_400_000, '17.4 MB'], [250_000_000, '250 MB']])('%i bytes are %s', (value, text) => expect(bytes(value)).toBe(text))

test.each([[0.2, '1 s'], [59, '59 s'], [150, '3 min'], [4800, '1 h 20 min'], [7200, '2 h']])('%f seconds are %s', (value, text) =>
  expect(duration(value)).toBe(text),
)

test('one and many', () => {
  expect(plural(1, 'image')).toBe('1 image')
  expect(plural(2040, 'class', 'classes')).toBe('2,040 classes')
})

test('how long ago', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  expect(ago('2026-03-01T11:59:50Z', now)).toBe('just now')
  expect(ago('2026-03-01T11:58:00Z', now)).toBe('2 minutes ago')
  expect(ago('2026-02-28T12:00:00Z', now)).toBe('yesterday')
})

test('no line breaks between a number and its percent sign', () => {
  expect(unbroken('At least 98 % of 64 images, not 98% of all % signs.')).toBe('At least 98\u00a0% of 64 images, not 98% of all % signs.')
})
