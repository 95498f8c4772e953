// Sends images in small batches, three at a time: skips what the server has, waits out lost connections, counts all of it.
import { ApiError, sentence } from '../api/client'
import type { FileResult, Import } from '../api/types'
import { batchSize } from './batches'
import type { Found, Problem } from './found'
import type { Hasher } from './hasher'
import { Patience, realClock, type Clock } from './patience'
import { Speedometer } from './speed'

export interface Transport {
  open(expected: number): Promise<Import>
  known(batch: number, hashes: string[]): Promise<Set<string>>
  send(batch: number, files: Found[], signal: AbortSignal): Promise<FileResult[]>
  close(batch: number): Promise<unknown>
}

export type Phase = 'going' | 'paused' | 'waiting' | 'done' | 'cancelled' | 'failed'

export interface Progress {
  phase: Phase
  /** Why it waits or failed. */
  reason: string
  files: number
  bytes: number
  filesDone: number
  bytesDone: number
  stored: number
  duplicates: number
  /** Bytes a second. */
  rate: number | null
  eta: number | null
}

const LANES = 3
// Files whose hashes are asked about in one request.
const HASH_GROUP = 48

export class Uploader {
  readonly problems: Problem[] = []
  readonly patience: Patience
  #files: readonly Found[]
  #bytes: number
  #ready: Found[] = []
  #taken = 0
  #turn: Promise<unknown> = Promise.resolve()
  #import: Import | null = null
  #done = { files: 0, bytes: 0, stored: 0, duplicates: 0 }
  #end: { phase: 'done' | 'cancelled' | 'failed'; reason: string } | null = null
  #speed: Speedometer

  constructor(
    private readonly transport: Transport,
    files: readonly Found[],
    private readonly options: { hasher?: Hasher | null; changed?: () => void; clock?: Clock } = {},
  ) {
    const clock = options.clock ?? realClock
    this.#files = files
    this.#bytes = files.reduce((sum, found) => sum + found.file.size, 0)
    this.#speed = new Speedometer(() => clock.now())
    this.patience = new Patience(() => {
      this.#speed.reset()
      this.#changed()
    }, clock)
  }

  get progress(): Progress {
    const { files, bytes, stored, duplicates } = this.#done
    const { mood, reason } = this.patience
    return {
      phase: this.#end?.phase ?? mood,
      reason: this.#end?.reason ?? reason,
      files: this.#files.length,
      bytes: this.#bytes,
      filesDone: files,
      bytesDone: bytes,
      stored,
      duplicates,
      rate: this.#speed.rate,
      eta: this.#speed.secondsFor(this.#bytes - bytes),
    }
  }

  /** Sends everything. It ends done, cancelled or failed, and does not throw. After a failure it may be run again. */
  async run(): Promise<void> {
    this.#end = null
    try {
      this.#import ??= await this.patience.insist(() => this.transport.open(this.#files.length))
      const { id } = this.#import
      await Promise.all(Array.from({ length: LANES }, () => this.#lane(id)))
      await this.patience.insist(() => this.transport.close(id))
      this.#finish('done')
    } catch (error) {
      if (this.patience.mood === 'cancelled') {
        this.#finish('cancelled')
        if (this.#import) await this.transport.close(this.#import.id).catch(() => undefined)
      } else this.#finish('failed', sentence(error))
    }
  }

  async #lane(batch: number): Promise<void> {
    for (;;) {
      await this.patience.gate()
      const files = await this.#next(batch)
      if (files.length === 0) return
      await this.#send(batch, files)
    }
  }

  /** The next batch to send; lanes take their turn, so that hashing runs while others send. */
  #next(batch: number): Promise<Found[]> {
    const turn = this.#turn.then(() => this.#take(batch))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #take(batch: number): Promise<Found[]> {
    // When another lane has failed, what is left waits for the next run.
    if (this.#end) return []
    while (this.#taken < this.#files.length && batchSize(this.#ready, 0) === this.#ready.length) {
      const group = this.#files.slice(this.#taken, this.#taken + HASH_GROUP)
      const fresh = await this.#withoutKnown(batch, group)
      this.#taken += group.length
      this.#ready.push(...fresh)
    }
    return this.#ready.splice(0, batchSize(this.#ready, 0))
  }

  async #withoutKnown(batch: number, group: Found[]): Promise<Found[]> {
    const { hasher } = this.options
    if (!hasher) return group
    const hashes = await hasher.hash(group.map((found) => found.file))
    const asked = [...new Set(hashes.filter((hash) => hash !== null))]
    if (asked.length === 0) return group
    const known = await this.patience.insist(() => this.transport.known(batch, asked))
    const has = (at: number) => known.has(hashes[at] ?? '')
    const skipped = group.filter((_, at) => has(at))
    this.#done.duplicates += skipped.length
    this.#settle(skipped)
    return group.filter((_, at) => !has(at))
  }

  async #send(batch: number, files: Found[]): Promise<void> {
    let results: FileResult[]
    try {
      results = await this.patience.insist((signal) => this.transport.send(batch, files, signal))
    } catch (error) {
      if (error instanceof ApiError && [400, 413].includes(error.status)) return this.#sendApart(batch, files, error)
      this.#ready.unshift(...files)
      throw error
    }
    results.forEach((result, at) => this.#count(result, files[at]))
    this.#speed.add(sizeOf(files))
    this.#settle(files)
  }

  /** The server will not have this request: sent in halves, it shows which file is to blame. */
  async #sendApart(batch: number, files: Found[], error: ApiError): Promise<void> {
    const [only] = files
    if (files.length === 1 && only) {
      this.problems.push({ name: only.path, code: error.code, message: error.message })
      this.#settle(files)
      return
    }
    const half = Math.ceil(files.length / 2)
    const rest = files.slice(half)
    try {
      await this.#send(batch, files.slice(0, half))
    } catch (failure) {
      this.#ready.unshift(...rest)
      throw failure
    }
    await this.#send(batch, rest)
  }

  #count(result: FileResult, found: Found | undefined): void {
    if (result.status === 'stored') this.#done.stored += 1
    else if (result.status === 'duplicate') this.#done.duplicates += 1
    else this.problems.push({ name: found?.path ?? result.name, code: result.code, message: result.message })
  }

  #settle(files: readonly Found[]): void {
    this.#done.files += files.length
    this.#done.bytes += sizeOf(files)
    this.#changed()
  }

  #finish(phase: 'done' | 'cancelled' | 'failed', reason = ''): void {
    this.#end = { phase, reason }
    // After a failure the upload may be run again.
    if (phase !== 'failed') this.options.hasher?.close()
    this.#changed()
  }

  #changed(): void {
    this.options.changed?.()
  }
}

const sizeOf = (files: readonly Found[]) => files.reduce((sum, found) => sum + found.file.size, 0)
