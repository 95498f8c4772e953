import { expect, test } from 'vitest'
import { example, expiry, lastUse } from '../src/screens/account/tokens'

const now = Date.parse('2026-03-02T12:00:00Z')

test.each([
  ['2026-06-01T12:00:00Z', 'good', 'Expires in 91 days'],
  ['2026-03-05T12:00:00Z', 'soon', 'Expires in 3 days'],
  ['2026-03-01T11:00:00Z', 'over', 'Expired yesterday'],
])('a token until %s is %s', (expires_at, state, text) => {
  expect(expiry({ expires_at }, now)).toEqual({ state, text })
})

test('a token that was never used says so', () => {
  expect(lastUse({ last_used_at: null }, now)).toBe('Never used')
  expect(lastUse({ last_used_at: '2026-03-02T11:55:00Z' }, now)).toBe('Used 5 minutes ago')
})

test('the example is a request that can be pasted', () => {
  expect(example('ea_x', 'https://a.test')).toBe('curl -H "Authorization: Bearer ea_x" https://a.test/api/projects')
})
