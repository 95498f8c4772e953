import { expect, test } from 'vitest'
import { ApiError } from '../src/api/client'
import type { FileResult, Import } from '../src/api/types'
import { MOST_BYTES, MOST_FILES, batchSize } from '../src/upload/batches'
import type { Found } from '../src/upload/found'
import type { Hasher } from '../src/upload/hasher'
import type { Clock } from '../src/upload/patience'
import { Uploader, type Transport } from '../src/upload/uploader'

const files = (count: number, size = 10): Found[] =>
  Array.from({ length: count }, (_, at) => ({ path: `f/${at}.jpg`, file: new File(['x'.repeat(size)], `${at}.jpg`) }))
const offline = () => new ApiError(0, 'offline', 'The server cannot be reached.')
const tick = () => new Promise((resolve) => setTimeout(resolve))

/** Time that only passes when somebody sleeps. */
class FakeClock implements Clock {
  time = 0
  slept: number[] = []
  now = () => this.time
  async sleep(ms: number): Promise<void> {
    this.slept.push(ms)
    this.time += ms
    await tick()
  }
}

/** A server in memory; `answer` may refuse a request or a file. */
class Server implements Transport {
  got: string[] = []
  closed = 0
  opened = 0
  most = 0
  #now = 0
  constructor(
    private readonly answer: (files: Found[]) => ApiError | null = () => null,
    private readonly has: Set<string> = new Set(),
  ) {}
  async open(): Promise<Import> {
    this.opened += 1
    return { id: 7 } as Import
  }
  async known(_: number, hashes: string[]): Promise<Set<string>> {
    return new Set(hashes.filter((hash) => this.has.has(hash)))
  }
  async send(_: number, batch: Found[], signal: AbortSignal): Promise<FileResult[]> {
    this.#now += 1
    this.most = Math.max(this.most, this.#now)
    await tick()
    this.#now -= 1
    signal.throwIfAborted()
    const refused = this.answer(batch)
    if (refused) throw refused
    this.got.push(...batch.map((found) => found.path))
    return batch.map((found) =>
      found.path.endsWith('3.jpg')
        ? { name: found.path, status: 'refused', image: null, code: 'truncated', message: 'The file ends too early.' }
        : { name: found.path, status: 'stored', image: 1, code: '', message: '' },
    )
  }
  async close(): Promise<void> {
    this.closed += 1
  }
}

const hasher: Hasher = { hash: async (list) => list.map((file) => `hash of ${file.name}`), close: () => {} }

test('every file is sent once, and what became of it is counted', async () => {
  const server = new Server()
  const upload = new Uploader(server, files(100))
  await upload.run()
  expect(new Set(server.got).size).toBe(100)
  expect(server.got).toHaveLength(100)
  expect(upload.progress).toMatchObject({ phase: 'done', filesDone: 100, bytesDone: 1000, stored: 90, duplicates: 0 })
  expect(upload.problems).toHaveLength(10)
  expect(upload.problems[0]).toEqual({ name: expect.stringMatching(/3\.jpg$/) as string, code: 'truncated', message: 'The file ends too early.' })
  expect(server.closed).toBe(1)
})

test('no more than three batches are under way at a time', async () => {
  const server = new Server()
  await new Uploader(server, files(MOST_FILES * 10)).run()
  expect(server.most).toBe(3)
})

test('what the server already has is not sent again', async () => {
  const server = new Server(undefined, new Set(['hash of 1.jpg', 'hash of 2.jpg']))
  const upload = new Uploader(server, files(5), { hasher })
  await upload.run()
  expect(server.got.sort()).toEqual(['f/0.jpg', 'f/3.jpg', 'f/4.jpg'])
  expect(upload.progress).toMatchObject({ filesDone: 5, stored: 2, duplicates: 2 })
})

test('a lost connection is waited out with growing patience, and nothing is lost', async () => {
  let failures = 4
  const server = new Server(() => (failures-- > 0 ? offline() : null))
  const clock = new FakeClock()
  const phases = new Set<string>()
  const upload: Uploader = new Uploader(server, files(3), { clock, changed: () => phases.add(upload.progress.phase) })
  await upload.run()
  expect(server.got).toHaveLength(3)
  expect(clock.slept).toEqual([1000, 2000, 4000, 8000])
  expect(phases).toContain('waiting')
  expect(upload.progress.phase).toBe('done')
})

test('while it waits for the connection, resume tries again at once', async () => {
  let down = true
  const server = new Server(() => (down ? offline() : null))
  const clock: Clock = { now: () => 0, sleep: () => new Promise(() => {}) }
  const upload = new Uploader(server, files(2), { clock })
  const running = upload.run()
  while (upload.progress.phase !== 'waiting') await tick()
  down = false
  upload.patience.resume()
  await running
  expect(server.got).toHaveLength(2)
})

test('a pause sends nothing more until resumed', async () => {
  const server = new Server()
  const upload = new Uploader(server, files(MOST_FILES * 8))
  const running = upload.run()
  upload.patience.pause()
  for (let turn = 0; turn < 10; turn += 1) await tick()
  const before = server.got.length
  for (let turn = 0; turn < 10; turn += 1) await tick()
  expect(server.got).toHaveLength(before)
  expect(upload.progress.phase).toBe('paused')
  upload.patience.resume()
  await running
  expect(server.got).toHaveLength(MOST_FILES * 8)
})

test('cancelling stops at once and closes the import', async () => {
  const server = new Server()
  const upload = new Uploader(server, files(MOST_FILES * 8))
  const running = upload.run()
  await tick()
  upload.patience.cancel()
  await running
  expect(upload.progress.phase).toBe('cancelled')
  expect(server.got.length).toBeLessThan(MOST_FILES * 8)
  expect(server.closed).toBe(1)
})

test('a batch that is refused whole is sent in halves until the file to blame is found', async () => {
  const server = new Server((batch) => (batch.some((found) => found.path === 'f/5.jpg') ? new ApiError(413, 'too_large', 'Too large.') : null))
  const upload = new Uploader(server, files(12))
  await upload.run()
  expect(server.got).toHaveLength(11)
  expect(upload.problems).toContainEqual({ name: 'f/5.jpg', code: 'too_large', message: 'Too large.' })
  expect(upload.progress).toMatchObject({ phase: 'done', filesDone: 12 })
})

test('a full disk stops the upload with its sentence; run again, it sends the rest once', async () => {
  let full = true
  const server = new Server(() => (full ? new ApiError(507, 'no_space', 'The disk is full.') : null))
  const upload = new Uploader(server, files(60), { hasher })
  await upload.run()
  expect(upload.progress).toMatchObject({ phase: 'failed', reason: 'The disk is full.', filesDone: 0 })
  full = false
  await upload.run()
  expect(upload.progress).toMatchObject({ phase: 'done', filesDone: 60 })
  expect(new Set(server.got).size).toBe(60)
  expect(server.got).toHaveLength(60)
  expect(server.opened).toBe(1)
})

test('a batch holds few files and few bytes, but always one', () => {
  expect(batchSize(files(100), 0)).toBe(MOST_FILES)
  expect(batchSize(files(3, MOST_BYTES / 2), 0)).toBe(2)
  expect(batchSize(files(2, MOST_BYTES + 1), 0)).toBe(1)
  expect(batchSize(files(3), 3)).toBe(0)
})
