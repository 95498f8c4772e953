import { expect, test } from 'vitest'
import { moved } from '../src/screens/settings/order'
import { choices } from '../src/screens/settings/options'

test('choices are worded, and names that have no words are shown as they are', () => {
  expect(choices(['margin', 'brand_new'], { margin: 'Where two are level' }, 'margin')).toEqual([
    { value: 'margin', label: 'Where two are level' },
    { value: 'brand_new', label: 'brand_new' },
  ])
})

test('what is in force can be chosen even when it is no longer offered', () => {
  expect(choices(['auto'], {}, 'gone').map((choice) => choice.value)).toEqual(['auto', 'gone'])
})

test('an item is taken out and put in at its new place', () => {
  expect(moved(['a', 'b', 'c', 'd'], 0, 2)).toEqual(['b', 'c', 'a', 'd'])
  expect(moved(['a', 'b', 'c', 'd'], 3, 0)).toEqual(['d', 'a', 'b', 'c'])
  expect(moved(['a'], 0, 0)).toEqual(['a'])
})
