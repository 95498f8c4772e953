import { expect, test } from 'vitest'
import { actionWord, byNeed, narrowed, stacks, type FleetDevice } from '../src/screens/fleet/fleet'
import { told } from '../src/screens/label/reason'

const hall = { id: 1, name: 'Hall' }
const yard = { id: 2, name: 'Yard' }
const device = (name: string, changes: Partial<FleetDevice> = {}) =>
  ({ id: name, name, group: '', state: 'running', online: true, why: '', last_seen: '2026-03-03T14:29:50Z', running: { bundle: 1, number: 1, on: 'CPU', precision: 'INT8', since: null }, wanted: null, progress: null, alerts: 0, project: hall, ...changes }) as FleetDevice
const all = [device('Lobby'), device('Gate', { group: 'Gates', project: yard, alerts: 1 }), device('Attic', { online: false }), device('Cellar', { state: 'failed', why: 'x' })]
const none = { project: '', group: '', state: '', search: '' }

test('filters narrow together, and none of them lets all through', () => {
  const names = (looked: Partial<typeof none>) => narrowed(all, { ...none, ...looked }).map((one) => one.name)
  expect(names({})).toHaveLength(4)
  expect(names({ project: '2' })).toEqual(['Gate'])
  expect(names({ state: 'offline' })).toEqual(['Attic'])
  expect(names({ state: 'alerts' })).toEqual(['Gate'])
  expect(names({ group: 'Gates', search: 'yard' })).toEqual(['Gate'])
  expect(names({ project: '1', group: 'Gates' })).toEqual([])
})

test('what needs a look comes first', () => {
  expect(byNeed(all).map((one) => one.name)).toEqual(['Cellar', 'Attic', 'Gate', 'Lobby'])
})

test('versions stack by project, newest first, and what runs nothing last', () => {
  const list = stacks([
    { project: yard, number: null, devices: 1 },
    { project: yard, number: 2, devices: 1 },
    { project: hall, number: 3, devices: 4 },
    { project: yard, number: 4, devices: 2 },
    { project: hall, number: 1, devices: 0 },
  ])
  expect(list.map((stack) => stack.project.name)).toEqual(['Hall', 'Yard'])
  expect(list[1]?.parts).toEqual([{ number: 4, devices: 2, share: 0.5 }, { number: 2, devices: 1, share: 0.25 }, { number: null, devices: 1, share: 0.25 }])
})

test('an action without a word of its own reads all the same', () => {
  expect(actionWord('device.revoked')).toBe('Revoked a device')
  expect(actionWord('device.certificate_renewed')).toBe('Certificate renewed')
})

test('an image that a device sent says from where', () => {
  const reason = { code: 'torn', text: 'Torn between glass and metal' }
  expect(told({ reason, device: null })).toBe('Torn between glass and metal')
  expect(told({ reason, device: { id: 'a', name: 'Lobby', reason: 'torn' } })).toBe('From Lobby: torn between glass and metal')
  expect(told({ reason: { code: 'torn', text: 'Lobby is torn' }, device: { id: 'a', name: 'Lobby', reason: 'torn' } })).toBe('Lobby is torn')
})
