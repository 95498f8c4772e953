import { afterEach, beforeEach, expect, test, vi } from 'vitest'

class FakeSource {
  static readonly CLOSED = 2
  static all: FakeSource[] = []
  readyState = 0
  onopen: () => void = () => {}
  onerror: () => void = () => {}
  closed = false
  #listeners = new Map<string, (event: { data: string }) => void>()

  constructor(readonly url: string) {
    FakeSource.all.push(this)
  }
  addEventListener(type: string, listener: (event: { data: string }) => void): void {
    this.#listeners.set(type, listener)
  }
  close(): void {
    this.closed = true
  }
  opens(): void {
    this.readyState = 1
    this.onopen()
  }
  tells(type: string, data: unknown): void {
    this.#listeners.get(type)?.({ data: JSON.stringify(data) })
  }
  /** The connection broke; the browser tries again by itself unless the server refused. */
  breaks(refused: boolean): void {
    this.readyState = refused ? 2 : 0
    this.onerror()
  }
}

vi.stubGlobal('EventSource', FakeSource)
const { live } = await import('../src/state/live.svelte')
const newest = () => FakeSource.all.at(-1) as FakeSource

beforeEach(() => {
  vi.useFakeTimers()
  FakeSource.all = []
  live.open(7)
})
afterEach(() => {
  live.close()
  vi.useRealTimers()
})

test('listens to one project, and tells each listener its own type', () => {
  const models = vi.fn()
  const queues = vi.fn()
  const stop = live.on('model', models)
  live.on('queue', queues)
  newest().opens()
  newest().tells('model', { number: 3 })
  expect(newest().url).toBe('/events/projects/7')
  expect(models).toHaveBeenCalledWith({ number: 3 })
  expect(queues).not.toHaveBeenCalled()
  stop()
  newest().tells('model', { number: 4 })
  expect(models).toHaveBeenCalledTimes(1)
})

test('opening the same project again keeps the stream, another one replaces it', () => {
  live.open(7)
  expect(FakeSource.all).toHaveLength(1)
  live.open(8)
  expect(FakeSource.all[0]?.closed).toBe(true)
  expect(newest().url).toBe('/events/projects/8')
})

test('after a gap it says so, for events were missed', () => {
  const back = vi.fn()
  live.onReturn(back)
  newest().opens()
  expect(back).not.toHaveBeenCalled()
  newest().breaks(false)
  expect(live.state).toBe('down')
  newest().opens()
  expect(live.state).toBe('open')
  expect(back).toHaveBeenCalledTimes(1)
})

test('refused by the server it tries again, ever more patiently', () => {
  newest().breaks(true)
  vi.advanceTimersByTime(1000)
  expect(FakeSource.all).toHaveLength(2)
  newest().breaks(true)
  vi.advanceTimersByTime(1000)
  expect(FakeSource.all).toHaveLength(2)
  vi.advanceTimersByTime(1000)
  expect(FakeSource.all).toHaveLength(3)
})
