import { expect, test } from 'vitest'
import { newId } from '../src/api/uuid'

test('without crypto.randomUUID, ids are still random UUIDs of version 4', () => {
  const plain = { getRandomValues: crypto.getRandomValues.bind(crypto) } as unknown as Crypto
  const ids = Array.from({ length: 50 }, () => newId(plain))
  expect(new Set(ids).size).toBe(50)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
