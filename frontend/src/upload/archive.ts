// Sends one zip in pieces that the server puts together; after a break it goes on where the server says it is.
import { ApiError, sentence } from '../api/client'
import { Patience, realClock, type Clock } from './patience'
import { Speedometer } from './speed'
import type { Progress } from './uploader'

export interface ArchiveTransport {
  /** The import that takes the zip; `resumed` when an earlier attempt left one open. */
  open(): Promise<number>
  /** How much of the zip the server has. */
  offset(batch: number): Promise<number>
  /** Sends a piece; the answer is the offset after it. */
  send(batch: number, piece: Blob, at: { offset: number; length: number; name: string }, signal: AbortSignal): Promise<number>
  close(batch: number): Promise<unknown>
}

const PIECE = 8_000_000

export class ArchiveUploader {
  readonly problems: [] = []
  readonly patience: Patience
  #batch: number | null = null
  #sent = 0
  #end: { phase: 'done' | 'cancelled' | 'failed'; reason: string } | null = null
  #speed: Speedometer

  constructor(
    private readonly transport: ArchiveTransport,
    private readonly file: File,
    private readonly options: { changed?: () => void; clock?: Clock } = {},
  ) {
    const clock = options.clock ?? realClock
    this.#speed = new Speedometer(() => clock.now())
    this.patience = new Patience(() => {
      this.#speed.reset()
      options.changed?.()
    }, clock)
  }

  get progress(): Progress {
    const { mood, reason } = this.patience
    const done = this.#end?.phase === 'done'
    return {
      phase: this.#end?.phase ?? mood,
      reason: this.#end?.reason ?? reason,
      files: 1,
      bytes: this.file.size,
      filesDone: done ? 1 : 0,
      bytesDone: this.#sent,
      stored: 0,
      duplicates: 0,
      rate: this.#speed.rate,
      eta: this.#speed.secondsFor(this.file.size - this.#sent),
    }
  }

  /** Sends the rest of the zip. It ends done, cancelled or failed, and does not throw. After a failure it may be run again. */
  async run(): Promise<void> {
    this.#end = null
    try {
      const batch = (this.#batch ??= await this.patience.insist(() => this.transport.open()))
      this.#moveTo(await this.patience.insist(() => this.transport.offset(batch)))
      while (this.#sent < this.file.size) await this.#piece(batch)
      this.#finish('done')
    } catch (error) {
      if (this.patience.mood === 'cancelled') {
        this.#finish('cancelled')
        if (this.#batch !== null) await this.transport.close(this.#batch).catch(() => undefined)
      } else this.#finish('failed', sentence(error))
    }
  }

  async #piece(batch: number): Promise<void> {
    const offset = this.#sent
    const piece = this.file.slice(offset, offset + PIECE)
    const at = { offset, length: this.file.size, name: this.file.name }
    try {
      this.#moveTo(await this.patience.insist((signal) => this.transport.send(batch, piece, at, signal)))
      this.#speed.add(piece.size)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error
      // The server is elsewhere than we thought: the answer to an earlier piece was lost on its way.
      const there = await this.patience.insist(() => this.transport.offset(batch))
      if (there === offset) throw error
      this.#moveTo(there)
    }
  }

  #moveTo(offset: number): void {
    this.#sent = offset
    this.options.changed?.()
  }

  #finish(phase: 'done' | 'cancelled' | 'failed', reason = ''): void {
    this.#end = { phase, reason }
    this.options.changed?.()
  }
}
