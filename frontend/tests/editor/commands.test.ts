import { describe, expect, test, vi } from 'vitest'
import { bind, classKeys, find, keyOf, knows, printed, type Command, type KeyPress } from '../../src/editor/commands'

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, repeat: false, ...more,
})
const command = (name: string, keys: string[], more: Partial<Command> = {}): Command => ({
  name, title: name, group: 'Answer', keys, run: vi.fn(), ...more,
})

describe('a key press has one name', () => {
  test.each([
    [press('s'), 's'],
    [press('S', { shiftKey: true }), 's'],
    [press('?', { shiftKey: true }), '?'],
    [press('z', { ctrlKey: true }), 'Mod+z'],
    [press('z', { metaKey: true }), 'Mod+z'],
    [press('Z', { ctrlKey: true, shiftKey: true }), 'Mod+Shift+z'],
    [press('Enter', { shiftKey: true }), 'Shift+Enter'],
    [press(' '), 'Space'],
  ])('%o is %s', (given, name) => expect(keyOf(given)).toBe(name))
})

test('a class that has the key of a command wins it, and the command stays without', () => {
  const { commands, byKey } = bind([command('class zero', ['0']), command('fit', ['0', 'Home'])])
  expect(byKey.get('0')?.name).toBe('class zero')
  expect(commands[1]?.keys).toEqual(['Home'])
})

test('a letter of another alphabet is understood by its place on the keyboard', () => {
  const { byKey } = bind([command('skip', ['s'])])
  expect(find(byKey, press('ㄴ', { code: 'KeyS' }))?.name).toBe('skip')
})

test('a digit that needs Shift on this keyboard is understood by its place', () => {
  const { byKey } = bind([command('first class', ['1'])])
  expect(find(byKey, press('&', { code: 'Digit1' }))?.name).toBe('first class')
})

test('a key that is held down answers once', () => {
  const { byKey } = bind([command('accept', ['Enter']), command('zoom in', ['+'], { repeats: true })])
  expect(find(byKey, press('Enter', { repeat: true }))).toBeNull()
  expect(find(byKey, press('+', { repeat: true }))?.name).toBe('zoom in')
})

test('a command that may not run now is not found', () => {
  const { byKey } = bind([command('accept', ['Enter'], { enabled: () => false })])
  expect(find(byKey, press('Enter'))).toBeNull()
  expect(knows(byKey, press('Enter'))).toBe(true)
  expect(knows(byKey, press('x'))).toBe(false)
})

test('classes without a key get the free digits in order', () => {
  const labels = [{ id: 7, key: '' }, { id: 8, key: '1' }, { id: 9, key: 'G' }, { id: 10, key: '' }]
  expect([...classKeys(labels)]).toEqual([[7, '2'], [8, '1'], [9, 'g'], [10, '3']])
})

test('the eleventh class has no digit left', () => {
  const labels = Array.from({ length: 11 }, (_, id) => ({ id, key: '' }))
  expect(classKeys(labels).get(9)).toBe('0')
  expect(classKeys(labels).get(10)).toBe('')
})

test('keys are printed as on the keyboard', () => {
  expect(printed('Mod+z', false)).toBe('Ctrl Z')
  expect(printed('Mod+z', true)).toBe('⌘Z')
  expect(printed('Enter', false)).toBe('↵')
  expect(printed('+', false)).toBe('+')
})
