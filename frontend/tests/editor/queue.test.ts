import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Task } from '../../src/api/types'
import { TaskQueue } from '../../src/editor/queue'
import { settle, task } from './tasks'

/** A server with a ranking: it hands out the best images that nobody holds. */
class Server {
  ranking = Array.from({ length: 40 }, (_, at) => at + 1)
  held = new Set<number>()
  answered = new Set<number>()
  down = false
  next = vi.fn((count: number, exclude: number[]): Promise<Task[]> => {
    if (this.down) return Promise.reject(new Error('down'))
    const free = this.ranking.filter((id) => !this.held.has(id) && !this.answered.has(id) && !exclude.includes(id)).slice(0, count)
    for (const id of free) this.held.add(id)
    return Promise.resolve(free.map((id) => task(id)))
  })
  renew = vi.fn((images: number[]) => Promise.resolve(images.filter((id) => !this.held.has(id))))
  release = vi.fn((images: number[]) => {
    for (const id of images) this.held.delete(id)
    return Promise.resolve()
  })
}

let server: Server
let preload: ReturnType<typeof vi.fn<(task: Task) => void>>
let unsent: number[]
let queue: TaskQueue
const ids = () => queue.tasks.map(({ image }) => image.id)

beforeEach(async () => {
  vi.useFakeTimers()
  server = new Server()
  preload = vi.fn<(task: Task) => void>()
  unsent = []
  queue = new TaskQueue({ server, preload, unsent: () => unsent })
  await queue.fill()
})
afterEach(() => {
  queue.close()
  vi.useRealTimers()
})

test('fetches the current task and six more, and loads their images', () => {
  expect(ids()).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(preload).toHaveBeenCalledTimes(7)
  expect(queue.state).toBe('ready')
})

test('taking a task shows the next at once and fetches more in the background', async () => {
  queue.take()
  queue.take()
  expect(ids()[0]).toBe(3)
  await settle()
  expect(ids()).toHaveLength(7)
})

test('an image that was answered is not shown again, even if the server hands it out', async () => {
  queue.take()
  server.held.delete(1)
  queue.take()
  await settle()
  expect(ids()).not.toContain(1)
})

test('what waits in the outbox is named as held', async () => {
  unsent = [1]
  queue.take()
  queue.take()
  await settle()
  expect(server.next.mock.lastCall?.[1]).toContain(1)
})

describe('when a new ranking arrives', () => {
  test('the current and the next image stay, the others come from it', async () => {
    server.ranking = [30, 31, 32, ...server.ranking]
    queue.refresh()
    await vi.advanceTimersByTimeAsync(0)
    expect(ids()).toEqual([1, 2, 30, 31, 32, 3, 4])
  })

  test('what is no longer held was given back', async () => {
    server.ranking = [30, 31, 32, ...server.ranking]
    queue.refresh()
    await vi.advanceTimersByTimeAsync(0)
    expect([...server.held].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 30, 31, 32])
  })

  test('several at once are taken in as one', async () => {
    const before = server.next.mock.calls.length
    queue.refresh()
    await vi.advanceTimersByTimeAsync(0)
    queue.refresh()
    queue.refresh()
    queue.refresh()
    await vi.advanceTimersByTimeAsync(5000)
    expect(server.next.mock.calls.length - before).toBe(2)
  })
})

test('a lost lease drops its image and says so when it was the current one', async () => {
  server.ranking = server.ranking.filter((id) => id !== 1 && id !== 4)
  server.held.delete(1)
  server.held.delete(4)
  expect(await queue.renew()).toBe(true)
  expect(ids()).not.toContain(1)
  expect(ids()).not.toContain(4)
})

test('when the server is down it goes on with what it has, and comes back by itself', async () => {
  server.down = true
  for (let turn = 0; turn < 7; turn += 1) queue.take()
  await settle()
  expect(queue.state).toBe('failed')
  server.down = false
  await vi.advanceTimersByTimeAsync(30_000)
  expect(queue.state).toBe('ready')
})

test('at the end of the pool it is empty, and asks again later', async () => {
  server.ranking = []
  for (let turn = 0; turn < 7; turn += 1) queue.take()
  await settle()
  expect(queue.state).toBe('empty')
  server.ranking = [99]
  await vi.advanceTimersByTimeAsync(10_000)
  expect(ids()).toEqual([99])
})

test('an image whose answer was taken back may come again', async () => {
  queue.take()
  server.held.delete(1)
  queue.forgive(1)
  queue.take()
  await settle()
  expect(ids()).toContain(1)
})

test('closing gives everything back', () => {
  queue.close()
  expect(server.held.size).toBe(0)
})

test('a window that goes keeps the image on the screen, which a reload then shows', () => {
  queue.close(1)
  expect([...server.held]).toEqual([1])
})

test('what arrives after closing is given back too', async () => {
  queue.take()
  queue.take()
  queue.close()
  await settle()
  expect([...server.held]).toEqual([1, 2])
})
