import { expect, test } from 'vitest'
import { busiest, hourBars, lately, pace } from '../src/screens/dashboard/activity'

const now = new Date('2026-03-02T15:20:00Z')
const told = [{ hour: '2026-03-01T14:00:00Z', count: 7 }, { hour: '2026-03-02T10:00:00Z', count: 212 }, { hour: '2026-03-02T15:00:00Z', count: 3 }]

test('hours are told in the reader\'s own time zone', () => {
  const bar = hourBars(told, now, 'Asia/Seoul').at(-1)
  expect(bar?.tick).toBe('Tue 00:00')
  expect(bar?.name).toContain('00:00 – 01:00')
  expect(bar?.value).toBe(3)
})

test('zones that are half an hour apart keep their minutes', () => {
  expect(hourBars(told, now, 'Asia/Kolkata').at(-1)?.tick).toBe('Mon 20:30')
})

test('the busiest hour is found', () => {
  expect(busiest(hourBars(told, now, 'UTC'))).toBe('212 in the busiest hour, Mon 10:00')
  expect(busiest(hourBars([], now, 'UTC'))).toBe('')
})

test('a day counts back from now', () => {
  expect(lately(told, now)).toBe(215)
})

test('short answers are told with a tenth', () => {
  expect([pace(null), pace(0.84), pace(14.6), pace(180)]).toEqual(['–', '0.8 s', '15 s', '3 min'])
})
