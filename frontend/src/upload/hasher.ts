// Fingerprints of files, so that what the server already has is not sent again.

export interface HashQuestion {
  id: number
  files: File[]
}
export interface HashAnswer {
  id: number
  /** null where a file could not be read. */
  hashes: (string | null)[]
}

export interface Hasher {
  hash(files: File[]): Promise<(string | null)[]>
  close(): void
}

/** A hasher in a worker, or null where the page has no crypto (plain http on another machine): then all files are sent. */
export function createHasher(): Hasher | null {
  if (!globalThis.crypto?.subtle || typeof Worker === 'undefined') return null
  return new WorkerHasher(new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' }))
}

class WorkerHasher implements Hasher {
  #next = 1
  #waiting = new Map<number, (hashes: (string | null)[]) => void>()
  #asked = new Map<number, number>()

  constructor(private readonly worker: Worker) {
    worker.addEventListener('message', ({ data }: MessageEvent<HashAnswer>) => this.#answer(data.id, data.hashes))
    // A worker that cannot start must not stop the upload: files without a hash are simply sent.
    worker.addEventListener('error', () => {
      for (const [id, size] of this.#asked) this.#answer(id, Array<null>(size).fill(null))
    })
  }

  hash(files: File[]): Promise<(string | null)[]> {
    const question: HashQuestion = { id: this.#next++, files }
    return new Promise((resolve) => {
      this.#waiting.set(question.id, resolve)
      this.#asked.set(question.id, files.length)
      this.worker.postMessage(question)
    })
  }

  close(): void {
    this.worker.terminate()
  }

  #answer(id: number, hashes: (string | null)[]): void {
    this.#waiting.get(id)?.(hashes)
    this.#waiting.delete(id)
    this.#asked.delete(id)
  }
}
