import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ApiError } from '../../src/api/client'
import type { NewAnnotation } from '../../src/api/types'
import { Outbox } from '../../src/editor/outbox'
import { openStore, type Store } from '../../src/editor/outboxStore'
import { counts } from './tasks'

let name: string
let arrived: NewAnnotation[]
let answerWith: (body: NewAnnotation) => Error | null
const opened: Outbox[] = []

const body = (image: number, label = 1): NewAnnotation => ({ id: crypto.randomUUID(), image, kind: 'label', label, client: 'test' })
const down = new ApiError(0, 'offline', 'The server cannot be reached.')
const refused = new ApiError(400, 'invalid', 'The class was archived: choose another one.', 'label')

function open(user = 1, store: Promise<Store> = openStore(name)): Outbox {
  const outbox = new Outbox({
    user,
    store,
    send: (_, sent) => {
      const error = answerWith(sent)
      if (error) return Promise.reject(error)
      arrived.push(sent)
      return Promise.resolve({ progress: counts })
    },
    temporary: (error) => error instanceof ApiError && error.temporary,
    firstWaitMs: 5,
  })
  opened.push(outbox)
  return outbox
}

beforeEach(() => {
  name = `test-${crypto.randomUUID()}`
  arrived = []
  answerWith = () => null
})
afterEach(() => {
  for (const outbox of opened.splice(0)) outbox.close()
})

test('an answer is pending at once, and saved when the server has it', async () => {
  const outbox = open()
  const answer = body(1)
  outbox.add(5, answer, '')
  expect(outbox.stateOf(answer.id)).toBe('pending')
  expect(outbox.unsent(5)).toEqual([1])
  await vi.waitFor(() => expect(outbox.stateOf(answer.id)).toBe('saved'))
  expect(arrived).toEqual([answer])
  expect(outbox.unsent(5)).toEqual([])
})

test('answers arrive in the order in which they were given', async () => {
  const outbox = open()
  const given = [body(1, 1), body(2, 2), body(1, 3)]
  for (const answer of given) outbox.add(5, answer, '')
  await vi.waitFor(() => expect(outbox.pending).toHaveLength(0))
  expect(arrived).toEqual(given)
})

describe('while the server is away', () => {
  test('answers wait, are tried again, and arrive once each with the same id', async () => {
    let tries = 0
    answerWith = () => (++tries, down)
    const outbox = open()
    const given = [body(1), body(2)]
    for (const answer of given) outbox.add(5, answer, '')
    await vi.waitFor(() => expect(tries).toBeGreaterThan(2))
    expect(outbox.stuck).toBe(true)
    answerWith = () => null
    await vi.waitFor(() => expect(outbox.pending).toHaveLength(0))
    expect(arrived).toEqual(given)
    expect(outbox.stuck).toBe(false)
  })

  test('they survive closing the page', async () => {
    answerWith = () => down
    const before = open()
    const given = [body(1), body(2), body(3)]
    for (const answer of given) before.add(5, answer, '')
    const store = await openStore(name)
    await vi.waitFor(async () => expect(await store.all()).toHaveLength(3))
    before.close()

    answerWith = () => null
    const after = open()
    await after.start()
    await vi.waitFor(() => expect(after.pending).toHaveLength(0))
    expect(arrived).toEqual(given)
    await vi.waitFor(async () => expect(await store.all()).toHaveLength(0))
  })

  test('an answer given before an earlier visit was read back is neither lost nor doubled', async () => {
    answerWith = () => down
    const before = open()
    before.add(5, body(1), '')
    const store = await openStore(name)
    await vi.waitFor(async () => expect(await store.all()).toHaveLength(1))
    before.close()

    answerWith = () => null
    const after = open()
    const starting = after.start()
    after.add(5, body(2), '')
    await starting
    await vi.waitFor(() => expect(after.pending).toHaveLength(0))
    expect(arrived.map(({ image }) => image).sort()).toEqual([1, 2])
  })

  test('they are not sent as somebody else who signs in here', async () => {
    answerWith = () => down
    const mine = open(1)
    mine.add(5, body(1), '')
    const store = await openStore(name)
    await vi.waitFor(async () => expect(await store.all()).toHaveLength(1))
    mine.close()

    answerWith = () => null
    const theirs = open(2)
    await theirs.start()
    expect(theirs.entries).toEqual([])
    expect(arrived).toEqual([])
  })
})

describe('an answer that the server refuses', () => {
  beforeEach(() => {
    answerWith = (sent) => (sent.label === 9 ? refused : null)
  })

  test('is kept with the reason, and does not hold up the others', async () => {
    const outbox = open()
    const bad = body(1, 9)
    outbox.add(5, bad, '')
    outbox.add(5, body(2), '')
    await vi.waitFor(() => expect(arrived).toHaveLength(1))
    expect(outbox.stateOf(bad.id)).toBe('failed')
    expect(outbox.failed[0]?.problem).toBe(refused.message)
  })

  test('can be tried again', async () => {
    const outbox = open()
    const bad = body(1, 9)
    outbox.add(5, bad, '')
    await vi.waitFor(() => expect(outbox.failed).toHaveLength(1))
    answerWith = () => null
    outbox.retry(bad.id)
    await vi.waitFor(() => expect(outbox.stateOf(bad.id)).toBe('saved'))
    expect(arrived).toEqual([bad])
  })

  test('can be given up, for good', async () => {
    const outbox = open()
    const bad = body(1, 9)
    outbox.add(5, bad, '')
    await vi.waitFor(() => expect(outbox.failed).toHaveLength(1))
    outbox.discard(bad.id)
    expect(outbox.entries).toEqual([])
    const store = await openStore(name)
    await vi.waitFor(async () => expect(await store.all()).toEqual([]))
  })
})

test('without storage answers are still sent, and it is known that they would not survive', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const outbox = open(1, Promise.reject(new Error('private window')))
  await outbox.start()
  outbox.add(5, body(1), '')
  await vi.waitFor(() => expect(arrived).toHaveLength(1))
  expect(outbox.durable).toBe(false)
})
