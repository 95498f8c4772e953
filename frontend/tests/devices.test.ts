import { describe, expect, test } from 'vitest'
import type { Bundle, Delivery, Deployment, Device } from '../src/api/types'
import { inOrder } from '../src/screens/devices/alerts'
import { arrived, countdown } from '../src/screens/devices/code'
import { byNeed, deliveryWords, howMany, listed, newerOn, outcome, promise, shareOf, tally, targetWords, wanted, type Choice } from '../src/screens/devices/deploying'
import { roll, since, standing } from '../src/screens/devices/standing'

const NOW = Date.parse('2026-03-03T14:30:00Z')
const bundleRow = (number: number) => ({ id: number * 10, number, state: 'ready', size: 14_200_000 }) as Bundle
const runs = (number: number) => ({ bundle: number * 10, number, precision: 'INT8', on: 'CPU', since: '2026-03-03T14:00:00Z' })
const device = (changes: Partial<Device> = {}): Device => ({
  id: 'a', name: 'Lobby', group: '', state: 'running', online: true, why: '', last_seen: '2026-03-03T14:29:50Z', enrolled_at: '2026-03-01T09:00:00Z',
  running: runs(3), wanted: { bundle: 30, number: 3 }, progress: null, info: {}, health: {}, privacy: 'nothing',
  keep_per_hour: 20, keep_mb: 200, latency_budget_ms: null, alerts: 0, sightings: 0, work: null, ...changes,
})
const fresh = (changes: Partial<Device> = {}) => device({ state: 'enrolled', running: null, wanted: null, ...changes })
const delivery = (state: Delivery['state'], changes: Partial<Delivery> = {}): Delivery => ({ device: state, name: state, state, done: 0, total: 0, why: '', measured: null, started_at: null, finished_at: null, ...changes })
const deployment = (deliveries: Delivery[], changes: Partial<Deployment> = {}): Deployment => ({
  id: 1, bundle: 40, number: 4, rollback: false, target: 'all', group: '', share: null, state: 'rolling', why: '', created_by: 'ada', created_at: '2026-03-03T14:00:00Z', budget_ms: null, deliveries, ...changes,
})

describe('how a device is doing', () => {
  test('at work it says what it runs, and on what', () => {
    const how = standing(device(), NOW)
    expect([how.code, how.tone, how.word]).toEqual(['running', 'good', 'Running v3 on CPU'])
  })

  test('one that downloads says how far it is, and that the old one goes on answering', () => {
    const how = standing(device({ state: 'downloading', wanted: { bundle: 40, number: 4 }, progress: { done: 3_000_000, total: 12_000_000 } }), NOW)
    expect(how.word).toBe('Downloading v4')
    expect(how.share).toBe(0.25)
    expect(how.text).toBe('3.0 MB of 12.0 MB. v3 goes on answering.')
  })

  test('one that tries does not pretend to know how far it is', () => {
    expect(standing(device({ state: 'trying', wanted: { bundle: 40, number: 4 } }), NOW).share).toBeNull()
    expect(standing(device(), NOW).share).toBeUndefined()
  })

  test('one that failed says why, and what still runs', () => {
    const how = standing(device({ state: 'failed', why: 'The signature does not fit' }), NOW)
    expect([how.tone, how.text]).toEqual(['bad', 'The signature does not fit. v3 goes on answering.'])
    expect(standing(fresh({ state: 'failed', why: 'No space left.' }), NOW).text).toBe('No space left. Nothing runs there yet.')
  })

  test('one that is away says since when, and that it catches up', () => {
    const how = standing(device({ online: false, wanted: { bundle: 40, number: 4 } }), NOW)
    expect(how.word).toMatch(/^Offline since /)
    expect(how.text).toBe('It last ran v3. It gets v4 when it is back.')
  })

  test('being away says more than what it last did', () => {
    expect(standing(device({ online: false, state: 'downloading' }), NOW).code).toBe('offline')
  })

  test('one that never spoke, one that waits for a bundle, one that is shut out', () => {
    expect(standing(fresh({ online: false, last_seen: null }), NOW).word).toBe('Enrolled')
    expect(standing(fresh(), NOW).word).toBe('Online')
    expect(standing(device({ state: 'revoked', online: true }), NOW).word).toBe('Revoked')
  })

  test('a time is told as short as it can be', () => {
    expect(since('2026-03-03T14:05:00Z', NOW, 'UTC')).toBe('14:05')
    expect(since('2026-03-01T09:00:00Z', NOW, 'UTC')).toBe('Sun 09:00')
    expect(since('2026-01-09T09:00:00Z', NOW, 'UTC')).toBe('9 Jan')
  })

  test('many devices make one line; those that are shut out do not count', () => {
    expect(roll([device(), device({ online: false }), device({ state: 'failed' }), device({ state: 'revoked' })], NOW)).toBe('2 online · 1 offline · 1 failed')
  })
})

describe('a code', () => {
  test('counts down, and is over', () => {
    expect(countdown('2026-03-03T14:45:00Z', NOW)).toBe('15:00')
    expect(countdown('2026-03-03T14:30:09Z', NOW)).toBe('0:09')
    expect(countdown('2026-03-03T14:30:00Z', NOW)).toBeNull()
  })

  test('the device that came with it is one that was not there before', () => {
    const known = new Set(['a'])
    expect(arrived([device()], known, 'Gate')).toBeNull()
    expect(arrived([device(), device({ id: 'b', name: 'Other' }), device({ id: 'c', name: 'Gate' })], known, 'Gate')?.id).toBe('c')
    expect(arrived([device(), device({ id: 'b', name: 'gate-pi' })], known, 'Gate')?.id).toBe('b')
  })
})

describe('who a deployment reaches', () => {
  const all = [device(), device({ id: 'b', name: 'Gate 1', group: 'Gates' }), device({ id: 'c', name: 'Gate 2', group: 'Gates', online: false }), device({ id: 'd', name: 'Sold', state: 'revoked' })]
  const choice = (changes: Partial<Choice>): Choice => ({ target: 'all', group: '', share: 20, devices: [], ...changes })

  test('a share reaches at least one, and never more than all', () => {
    expect([shareOf(1, 10), shareOf(25, 10), shareOf(100, 3), shareOf(50, 0)]).toEqual([1, 2, 3, 0])
  })

  test('a device that is shut out is never reached', () => {
    expect(howMany(choice({}), all)).toBe(3)
    expect(howMany(choice({ target: 'devices', devices: ['a', 'd'] }), all)).toBe(1)
  })

  test('the sentence names them, the size, the way back, and who is away', () => {
    const told = promise(bundleRow(4), choice({}), all, 40)
    expect(told).toContain('All 3 devices (Lobby, Gate 1 and Gate 2) download v4 (14.2 MB)')
    expect(told).toContain('fails there or takes more than 40 ms an image goes back by itself.')
    expect(told).toContain('1 is offline now and catches up when back.')
  })

  test('of a canary it says how many and that the others are left alone', () => {
    const told = promise(bundleRow(4), choice({ target: 'share', share: 30 }), all, null)
    expect(told).toContain('1 of 3 devices (30 %), picked by the site, downloads v4')
    expect(told).toContain('The others keep what they run.')
  })

  test('one device is called by its name', () => {
    expect(promise(bundleRow(4), choice({ target: 'devices', devices: ['c'] }), all, null)).toMatch(/^Gate 2 downloads v4 .*It is offline now, and catches up when back\.$/)
  })

  test('nobody chosen promises nothing', () => {
    expect(promise(bundleRow(4), choice({ target: 'devices' }), all, null)).toBe('')
  })

  test('an older bundle than what runs is told to be a way back', () => {
    expect(newerOn(bundleRow(2), choice({}), all).map((one) => one.name)).toEqual(['Lobby', 'Gate 1', 'Gate 2'])
    expect(newerOn(bundleRow(3), choice({}), all)).toEqual([])
  })

  test('only what was chosen is sent', () => {
    expect(wanted(40, choice({ group: 'Gates', devices: ['a'] }), null, false)).toEqual({ bundle: 40, target: 'all', group: '', rollback: false })
    expect(wanted(40, choice({ target: 'group', group: 'Gates' }), 25, true)).toEqual({ bundle: 40, target: 'group', group: 'Gates', budget_ms: 25, rollback: true })
  })

  test('a list stays short', () => {
    expect(listed(['A'])).toBe('A')
    expect(listed(['A', 'B'])).toBe('A and B')
    expect(listed(['A', 'B', 'C', 'D', 'E', 'F'])).toBe('A, B, C and 3 more')
  })

  test('a canary is called one', () => {
    expect(targetWords(deployment([], { target: 'share', share: 10 }))).toBe('10 %, as a canary')
    expect(targetWords(deployment([delivery('running', { name: 'Lobby' })], { target: 'devices' }))).toBe('Lobby')
  })
})

describe('how a deployment goes', () => {
  test('each step is further on than the last', () => {
    const ways = (['waiting', 'downloading', 'verifying', 'trying', 'running'] as const).map((state) => deliveryWords(delivery(state), 4).share)
    expect(ways).toEqual([...ways].sort((a, b) => a - b))
    expect(new Set(ways).size).toBe(5)
    expect(deliveryWords(delivery('downloading', { done: 6, total: 12 }), 4).share).toBeCloseTo(0.375)
  })

  test('of many devices those that failed or are at it come first', () => {
    const order = byNeed([delivery('running'), delivery('waiting'), delivery('failed'), delivery('trying')])
    expect(order.map((one) => one.state)).toEqual(['failed', 'trying', 'waiting', 'running'])
  })

  test('all devices together make one bar', () => {
    expect(tally(deployment([delivery('running'), delivery('waiting')]))).toMatchObject({ total: 2, running: 1, waiting: 1, share: 0.5 })
  })

  test('while it rolls it says who is waited for', () => {
    expect(outcome(deployment([delivery('running'), delivery('waiting')])).text).toBe('1 of 2 devices runs v4. 1 waits for its device to ask.')
    expect(outcome(deployment([delivery('waiting')])).text).toContain('Waits for the device')
  })

  test('halted, it says why and what to do', () => {
    const how = outcome(deployment([delivery('running'), delivery('failed')], { state: 'halted', why: 'Gate 2 went back' }))
    expect(how.tone).toBe('bad')
    expect(how.text).toContain('Gate 2 went back.')
    expect(how.mend).toContain('Roll back')
    expect(outcome(deployment([delivery('failed')], { state: 'halted' })).mend).not.toContain('Roll back')
    expect(outcome(deployment([delivery('failed'), delivery('superseded')], { state: 'halted' })).text).toContain('The others were left alone.')
  })

  test('done everywhere needs no mending, done here and there does', () => {
    expect(outcome(deployment([delivery('running')], { state: 'done' }))).toMatchObject({ tone: 'good', mend: '' })
    expect(outcome(deployment([delivery('running'), delivery('failed')], { state: 'done' })).mend).not.toBe('')
  })
})

test('alerts that nobody has looked at come first, those that are over last', () => {
  const alert = (id: string, seen_at: string | null, closed_at: string | null, opened_at: string) => ({ id, seen_at, closed_at, opened_at })
  const list = [alert('over', null, '2026', '5'), alert('seen', '2026', null, '4'), alert('old', null, null, '1'), alert('new', null, null, '3')]
  expect(inOrder(list).map((one) => one.id)).toEqual(['new', 'old', 'seen', 'over'])
})
