// Where the uploaders' requests go: the API's imports of one project.
import * as calls from '../../api/calls'
import type { ArchiveTransport } from '../../upload/archive'
import type { Transport } from '../../upload/uploader'

export function filesTransport(project: number, labelsFromFolders: boolean): Transport {
  return {
    open: (expected) => calls.openImport(project, { source: 'upload', expected, labels_from: labelsFromFolders ? 'folder' : '' }),
    known: async (batch, hashes) => new Set((await calls.knownHashes(project, batch, hashes)).known),
    send: async (batch, files, signal) => {
      const form = new FormData()
      for (const { file, path } of files) {
        form.append('file', file, file.name)
        form.append('path', path)
      }
      return (await calls.sendFiles(project, batch, form, { signal })).results
    },
    close: (batch) => calls.closeImport(project, batch),
  }
}

/** `told` hears the id of the import, and at last the id of the job that takes the images out of the zip. */
export function archiveTransport(
  project: number,
  file: File,
  labelsFromFolders: boolean,
  told: { job: (id: string) => void; batch: (id: number) => void },
): ArchiveTransport {
  const memory = new HalfSent(project, file)
  return {
    open: async () => {
      const batch = (await memory.find()) ?? (await start(project, file, labelsFromFolders))
      memory.keep(batch)
      told.batch(batch)
      return batch
    },
    offset: async (batch) => (await calls.archiveOffset(project, batch)).offset,
    send: async (batch, piece, at, signal) => {
      const answer = await calls.sendArchiveChunk(project, batch, piece, at, signal)
      if (answer.job) {
        memory.forget()
        told.job(answer.job)
      }
      return answer.offset
    },
    close: (batch) => {
      memory.forget()
      return calls.closeImport(project, batch)
    },
  }
}

async function start(project: number, file: File, labelsFromFolders: boolean): Promise<number> {
  const body = { source: 'archive', expected: 0, labels_from: labelsFromFolders ? 'folder' : '', name: file.name } as const
  return (await calls.openImport(project, body)).id
}

/** Remembers which import a zip was being sent to, so that the same zip goes on there after the page was closed. */
class HalfSent {
  readonly #key: string

  constructor(
    private readonly project: number,
    file: File,
  ) {
    this.#key = `zip:${project}:${file.name}:${file.size}:${file.lastModified}`
  }

  async find(): Promise<number | null> {
    const batch = Number(localStorage.getItem(this.#key))
    if (!batch) return null
    const known = await calls.oneImport(this.project, batch).catch(() => null)
    return known?.state === 'open' ? batch : null
  }

  keep(batch: number): void {
    localStorage.setItem(this.#key, String(batch))
  }

  forget(): void {
    localStorage.removeItem(this.#key)
  }
}
