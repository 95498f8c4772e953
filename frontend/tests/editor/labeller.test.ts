import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { NewAnnotation } from '../../src/api/types'
import { pace } from '../../src/editor/history'
import { Labeller } from '../../src/editor/labeller'
import { TaskQueue } from '../../src/editor/queue'
import { task } from './tasks'

let sent: NewAnnotation[]
let labeller: Labeller
let now: number
let queue: TaskQueue
const labels = [{ id: 1 }, { id: 2 }]
const image = () => labeller.task?.image.id

beforeEach(async () => {
  sent = []
  now = 0
  let number = 0
  queue = new TaskQueue({
    server: {
      next: (count, exclude) => {
        const first = Math.max(0, ...exclude) + 1
        return Promise.resolve(Array.from({ length: count }, (_, at) => task(first + at)))
      },
      renew: () => Promise.resolve([]),
      release: () => Promise.resolve(),
    },
    preload: () => {},
    unsent: () => [],
  })
  await queue.fill()
  labeller = new Labeller({
    project: 5,
    client: 'page',
    queue,
    outbox: { add: (_, body) => void sent.push(body) },
    now: () => now,
    newId: () => `id-${++number}`,
  })
})

test('one key labels, saves, and shows the next image', () => {
  now = 1500
  labeller.give('label', 2)
  expect(image()).toBe(2)
  expect(sent).toEqual([
    { id: 'id-1', image: 1, kind: 'label', label: 2, client: 'page', seconds: 1.5, model_version: 3, guess: 1, confidence: 0.9 },
  ])
})

test('the time counts from when the image was seen', () => {
  now = 1000
  labeller.shown()
  now = 3000
  labeller.give('skip')
  expect(sent[0]).toMatchObject({ kind: 'skip', seconds: 2 })
  expect(sent[0]).not.toHaveProperty('label')
})

test('the guess is suggested, unless its class is gone', () => {
  expect(labeller.suggestion(labels)).toBe(1)
  expect(labeller.suggestion([{ id: 2 }])).toBeNull()
})

describe('going back', () => {
  beforeEach(() => {
    labeller.give('label', 1)
    labeller.give('label', 2)
    labeller.give('label', 1)
  })

  test('shows the last answer, then the one before', () => {
    labeller.back()
    expect(image()).toBe(3)
    expect(labeller.suggestion(labels)).toBe(1)
    labeller.back()
    expect(image()).toBe(2)
    expect(labeller.suggestion(labels)).toBe(2)
    expect(labeller.history.stepsBack).toBe(2)
  })

  test('ends at the first', () => {
    for (let turn = 0; turn < 9; turn += 1) labeller.back()
    expect(image()).toBe(1)
  })

  test('changing an answer says it anew and returns to where we were', () => {
    labeller.back()
    labeller.back()
    labeller.give('label', 1)
    expect(image()).toBe(4)
    expect(sent.at(-1)).toMatchObject({ image: 2, label: 1 })
    expect(sent.at(-1)?.id).not.toBe(sent[1]?.id)
    expect(labeller.history.past.map(({ answer }) => answer.label)).toEqual([1, 1, 1])
  })

  test('giving the same answer says nothing and goes forward', () => {
    labeller.back()
    labeller.back()
    labeller.give('label', 2)
    expect(image()).toBe(3)
    expect(sent).toHaveLength(3)
  })

  test('a skipped image can be labelled after all', () => {
    labeller.give('skip')
    labeller.back()
    labeller.give('label', 2)
    expect(sent.at(-1)).toMatchObject({ image: 4, kind: 'label', label: 2 })
  })

  test('an answer can be taken back, and its image may come again', () => {
    const forgive = vi.spyOn(queue, 'forgive')
    labeller.back()
    labeller.give('clear')
    expect(sent.at(-1)).toMatchObject({ image: 3, kind: 'clear' })
    expect(forgive).toHaveBeenCalledWith(3)
    expect(labeller.history.past.map(({ task: { image } }) => image.id)).toEqual([1, 2])
  })

  test('forward leads to the live image again', () => {
    labeller.back()
    labeller.forward()
    expect(image()).toBe(4)
    expect(labeller.revisited).toBeNull()
  })
})

test('pace is answers a minute, and a long pause counts as one minute', () => {
  const past = (seconds: number) => ({ task: task(1), answer: { id: '', kind: 'label' as const, label: 1, seconds } })
  expect(pace([past(1), past(1)])).toBeNull()
  expect(pace([past(2), past(2), past(2)])).toBeCloseTo(30)
  expect(pace([past(60), past(60), past(6000)])).toBeCloseTo(1)
})
