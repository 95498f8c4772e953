// All uploads of this visit, of every project: one runs at a time, and they go on while other pages are open.
import * as calls from '../../api/calls'
import { live } from '../../state/live.svelte'
import { project } from '../../state/project.svelte'
import { toasts } from '../../state/toasts.svelte'
import { ArchiveUploader } from '../../upload/archive'
import type { Found, Problem } from '../../upload/found'
import { createHasher } from '../../upload/hasher'
import { Uploader, type Progress } from '../../upload/uploader'
import { archiveTransport, filesTransport } from './transports'

/** The page's counts follow the upload at this pace. */
const RELOAD_MS = 2500
/** The speed and the time left are shown anew at this pace. */
const TICK_MS = 1000

export class Upload {
  static #next = 1
  readonly id = Upload.#next++
  progress = $state.raw<Progress>(NOTHING)
  problems = $state.raw<readonly Problem[]>([])
  started = $state(false)
  /** The job that takes a zip's images out, once all of it is there. */
  job = $state<string | null>(null)
  /** Runs the uploader, and again after a failure. */
  readonly work: Uploader | ArchiveUploader
  #batch: number | null = null
  #left: readonly Problem[]
  #drawing = false

  constructor(
    readonly project: number,
    readonly kind: 'files' | 'zip',
    readonly title: string,
    what: { files: readonly Found[]; left: readonly Problem[] } | { zip: File },
    readonly labelsFromFolders: boolean,
  ) {
    const changed = () => this.#soon()
    if ('zip' in what) {
      this.#left = []
      const told = { job: (id: string) => (this.job = id), batch: (id: number) => (this.#batch = id) }
      this.work = new ArchiveUploader(archiveTransport(project, what.zip, labelsFromFolders, told), what.zip, { changed })
    } else {
      this.#left = what.left
      // Images that are here already still need the class that their folder gives them, so those are sent again.
      const hasher = labelsFromFolders ? null : createHasher()
      this.work = new Uploader(filesTransport(project, labelsFromFolders), what.files, { hasher, changed })
    }
    this.refresh()
  }

  get busy(): boolean {
    return !['done', 'cancelled', 'failed'].includes(this.progress.phase)
  }

  async run(): Promise<void> {
    this.started = true
    await this.work.run()
    this.refresh()
  }

  refresh(): void {
    this.progress = this.work.progress
    this.problems = [...this.#left, ...this.work.problems]
  }

  /** What became of a zip's files is known once its job has ended. */
  async readOutcome(): Promise<void> {
    if (this.#batch === null) return
    const { problems, stored, duplicates } = await calls.oneImport(this.project, this.#batch)
    this.problems = problems
    this.progress = { ...this.work.progress, stored, duplicates }
  }

  #soon(): void {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      this.refresh()
    })
  }
}

const NOTHING: Progress = {
  phase: 'going', reason: '', files: 0, bytes: 0, filesDone: 0, bytesDone: 0, stored: 0, duplicates: 0, rate: null, eta: null,
}

class Uploads {
  /** Newest first. */
  list = $state<Upload[]>([])
  /** Grows when images have come that bring their class along. */
  labelled = $state(0)
  #running: Promise<void> = Promise.resolve()

  constructor() {
    addEventListener('online', () => {
      for (const upload of this.list) if (upload.progress.phase === 'waiting') upload.work.patience.resume()
    })
    addEventListener('beforeunload', (event) => {
      if (this.list.some((upload) => upload.busy)) event.preventDefault()
    })
    live.on('job', (job) => {
      if (job.state !== 'done' && job.state !== 'failed' && job.state !== 'cancelled') return
      const upload = this.list.find((one) => one.job === job.id)
      if (upload) void this.#unpacked(upload)
    })
  }

  of = (projectId: number) => this.list.filter((upload) => upload.project === projectId)

  add(upload: Upload): void {
    this.list.unshift(upload)
    this.run(upload)
  }

  /** Runs an upload when those before it have ended. */
  run(upload: Upload): void {
    this.#running = this.#running.then(async () => {
      if (!upload.busy && upload.progress.phase !== 'failed') return
      const reload = setInterval(() => project.id === upload.project && void project.reload(), RELOAD_MS)
      const tick = setInterval(() => upload.refresh(), TICK_MS)
      await upload.run()
      clearInterval(reload)
      clearInterval(tick)
      await this.#arrived(upload)
    })
  }

  async #unpacked(upload: Upload): Promise<void> {
    await upload.readOutcome().catch(toasts.bad)
    await this.#arrived(upload)
  }

  async #arrived(upload: Upload): Promise<void> {
    if (project.id === upload.project) await project.reload()
    if (upload.labelsFromFolders) this.labelled += 1
  }

  /** Forgets the uploads that ended without anything to read about. */
  tidy(): void {
    this.list = this.list.filter((upload) => upload.progress.phase !== 'done' || upload.problems.length > 0 || upload.job !== null)
  }

  cancel(upload: Upload): void {
    upload.work.patience.cancel()
    if (!upload.started) this.dismiss(upload)
  }

  dismiss(upload: Upload): void {
    this.list = this.list.filter((one) => one.id !== upload.id)
  }
}

export const uploads = new Uploads()
