import { describe, expect, test } from 'vitest'
import type { Device, VitalsPoint } from '../src/api/types'
import { brokenLine } from '../src/charts/path'
import { facts } from '../src/screens/device/facts'
import { clock, domainOf, driftLines, imageBars, latencyLines, slots, timeMarks, total } from '../src/screens/device/history'
import { measuredWords } from '../src/screens/device/measured'
import { changesOf, draftOf, mistake } from '../src/screens/device/settings'

const MINUTE = 60_000
const minute = (at: string, changes: Partial<VitalsPoint> = {}): VitalsPoint => ({ at, count: 10, errors: 0, p50_ms: 12, p95_ms: 20, throughput: 1, mean_confidence: 0.9, ...changes })

describe('minutes put together', () => {
  const told = [minute('2026-03-03T10:01:00Z'), minute('2026-03-03T10:04:00Z', { count: 30, p50_ms: 16, p95_ms: 45, errors: 2 }), minute('2026-03-03T10:31:00Z', { count: 0, p50_ms: null, p95_ms: null, mean_confidence: null })]
  const quarters = slots(told, 15 * MINUTE)

  test('weigh the median by how many answers there were, and keep the slowest minute', () => {
    expect(quarters[0]).toMatchObject({ at: Date.parse('2026-03-03T10:00:00Z'), count: 40, errors: 2, p50: 15, p95: 45 })
  })

  test('leave out what was not told, and do not call nothing zero', () => {
    expect(quarters.map((slot) => new Date(slot.at).getUTCMinutes())).toEqual([0, 30])
    expect(quarters[1]).toMatchObject({ count: 0, p50: null, p95: null })
  })

  test('make one number for all', () => {
    expect(total(quarters)).toMatchObject({ count: 40, errors: 2, p50: 15, p95: 45 })
    expect(total([])).toMatchObject({ count: 0, p50: null, p95: null, confidence: null })
  })

  test('are lines, with the budget where there is one', () => {
    expect(latencyLines(quarters, 15 * MINUTE, null).map((line) => line.points.length)).toEqual([1, 1])
    expect(latencyLines(quarters, 15 * MINUTE, 30).at(-1)?.points).toEqual([{ x: quarters[0]?.at, y: 30 }])
  })

  test('are bars without holes', () => {
    const to = Date.parse('2026-03-03T10:40:00Z')
    const bars = imageBars(quarters, 15 * MINUTE, [to - 60 * MINUTE, to], 'UTC')
    expect(bars.map((bar) => [bar.tick, bar.value])).toEqual([['09:45', 0], ['10:00', 40], ['10:15', 0], ['10:30', 0]])
  })
})

test('drift is a line with its limit, and what was not measured is no line', () => {
  const point = (at: string, psi: number | null) => ({ at, psi, mmd: null, threshold_psi: 0.2, threshold_mmd: null })
  const lines = driftLines([point('2026-03-03T10:00:00Z', 0.05), point('2026-03-03T11:00:00Z', null), point('2026-03-03T12:00:00Z', 0.3)], 'psi', 1)
  expect(lines.map((line) => line.points.map((one) => one.y))).toEqual([[0.05, 0.3], [0.2, 0.2]])
  expect(driftLines([point('2026-03-03T10:00:00Z', 0.05)], 'mmd', 1)).toEqual([])
})

test('a domain starts at nothing and ends round above the highest point', () => {
  const of = (...ys: number[]) => domainOf([{ name: '', color: '', points: ys.map((y, x) => ({ x, y })) }])
  expect(of(0.05, 0.3)).toEqual([0, 0.4])
  expect(of(12, 45)).toEqual([0, 50])
  expect(of(98)).toEqual([0, 150])
  expect(of()).toEqual([0, 1])
})

test('times are marked at round ones', () => {
  const to = Date.parse('2026-03-03T10:40:00Z')
  const marks = timeMarks([to - 60 * MINUTE, to], 6)
  expect(marks.map((at) => new Date(at).getUTCMinutes() % 10)).toEqual(marks.map(() => 0))
  expect(marks.length).toBeGreaterThan(3)
  expect(timeMarks([to - 24 * 60 * MINUTE, to], 6).length).toBeLessThanOrEqual(7)
})

test('over days the axis tells days, within one the clock', () => {
  const at = Date.parse('2026-03-03T10:40:00Z')
  expect(clock(at, [at - 60 * MINUTE, at], 'UTC')).toBe('10:40')
  expect(clock(at, [at - 7 * 24 * 60 * MINUTE, at], 'UTC')).toBe('Tue 3')
})

test('a line breaks where the device was silent, and a word alone is a dot', () => {
  expect(brokenLine([{ x: 0, y: 1 }, { x: 5, y: 2 }, { x: 50, y: 3 }], 10)).toBe('M0 1L5 2M50 3L50 3')
})

test('what a device tells about itself has names, and what has none is left out', () => {
  const told = facts({ health: { cpu: 12.4, disk_free_mb: 8192, odd: 1 }, info: { devices: ['CPU', 'GPU'], openvino: '2026.4.1-22982-e213', secret: 'x' } })
  expect(told).toEqual([{ name: 'Processor time', value: '12 % of a core' }, { name: 'Disk free', value: '8.6 GB' }, { name: 'Can compute on', value: 'CPU, GPU' }, { name: 'OpenVINO', value: '2026.4.1' }])
})

test('what it measured is one line', () => {
  expect(measuredWords({ p50_ms: 14.23, budget_ms: 40, agreement: 1 })).toBe('14.2 ms an image of 40 allowed · 100 % of the sample answers as expected')
  expect(measuredWords({})).toBe('')
  expect(measuredWords(null)).toBe('')
})

describe('settings', () => {
  const device = { name: 'Lobby', group: '', privacy: 'nothing', keep_per_hour: 20, keep_mb: 200, latency_budget_ms: null } as unknown as Device

  test('only what differs is sent', () => {
    expect(changesOf(draftOf(device), device)).toEqual({})
    expect(changesOf({ ...draftOf(device), privacy: 'blurred', latency_budget_ms: '12,5' }, device)).toEqual({ privacy: 'blurred', latency_budget_ms: 12.5 })
    expect(changesOf({ ...draftOf(device), latency_budget_ms: ' ' }, { ...device, latency_budget_ms: 40 })).toEqual({ latency_budget_ms: null })
  })

  test('what would be refused is said before it is sent', () => {
    expect(mistake(draftOf(device))).toBeNull()
    expect(mistake({ ...draftOf(device), keep_mb: 'many' })?.field).toBe('keep_mb')
    expect(mistake({ ...draftOf(device), keep_per_hour: '-1' })?.field).toBe('keep_per_hour')
    expect(mistake({ ...draftOf(device), latency_budget_ms: '0' })?.field).toBe('latency_budget_ms')
    expect(mistake({ ...draftOf(device), name: ' ' })?.field).toBe('name')
  })
})
