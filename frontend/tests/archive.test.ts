import { expect, test } from 'vitest'
import { ApiError } from '../src/api/client'
import { ArchiveUploader, type ArchiveTransport } from '../src/upload/archive'

const SIZE = 20_000_000
const zip = () => new File([new Uint8Array(SIZE)], 'photos.zip')
const clock = { now: () => 0, sleep: async () => {} }

/** Takes pieces only at its own offset, as the server does. */
class Server implements ArchiveTransport {
  at = 0
  pieces: number[] = []
  closed = false
  constructor(
    at = 0,
    private readonly trouble: (piece: number) => 'lost' | 'down' | null = () => null,
  ) {
    this.at = at
  }
  open = async () => 1
  offset = async () => this.at
  close = async () => (this.closed = true)
  async send(_: number, piece: Blob, at: { offset: number }): Promise<number> {
    const trouble = this.trouble(this.pieces.length)
    this.pieces.push(at.offset)
    if (trouble === 'down') throw new ApiError(0, 'offline', 'No connection.')
    if (at.offset !== this.at) throw new ApiError(409, 'offset', 'The server is elsewhere.')
    this.at += piece.size
    if (trouble === 'lost') throw new ApiError(0, 'offline', 'No connection.')
    return this.at
  }
}

test('a zip goes in pieces, one after another', async () => {
  const server = new Server()
  const upload = new ArchiveUploader(server, zip(), { clock })
  await upload.run()
  expect(server.at).toBe(SIZE)
  expect(server.pieces).toEqual([0, 8_000_000, 16_000_000])
  expect(upload.progress).toMatchObject({ phase: 'done', bytesDone: SIZE, bytes: SIZE })
})

test('it goes on where the server is', async () => {
  const server = new Server(16_000_000)
  await new ArchiveUploader(server, zip(), { clock }).run()
  expect(server.pieces).toEqual([16_000_000])
})

test('a piece whose answer was lost is not sent twice', async () => {
  const server = new Server(0, (piece) => (piece === 0 ? 'lost' : null))
  const upload = new ArchiveUploader(server, zip(), { clock })
  await upload.run()
  // Asked again at 0, the server says no; then the rest follows from where it is.
  expect(server.pieces).toEqual([0, 0, 8_000_000, 16_000_000])
  expect(server.at).toBe(SIZE)
  expect(upload.progress.phase).toBe('done')
})

test('a broken connection is waited out', async () => {
  const server = new Server(0, (piece) => (piece < 3 ? 'down' : null))
  const upload = new ArchiveUploader(server, zip(), { clock })
  await upload.run()
  expect(server.at).toBe(SIZE)
})

test('cancelling closes the import', async () => {
  const server = new Server(0, () => 'down')
  const upload = new ArchiveUploader(server, zip(), { clock: { now: () => 0, sleep: () => new Promise(() => {}) } })
  const running = upload.run()
  while (upload.progress.phase !== 'waiting') await new Promise((resolve) => setTimeout(resolve))
  upload.patience.cancel()
  await running
  expect(upload.progress.phase).toBe('cancelled')
  expect(server.closed).toBe(true)
})
