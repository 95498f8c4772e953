// The project whose pages are open: its classes, counts, model and jobs, kept fresh by live events.
import * as calls from '../api/calls'
import { sentence } from '../api/client'
import type { Counts, Events, Job, Label, Project } from '../api/types'
import { live } from './live.svelte'

/** Says "learning…" at most this long when no news of a model follows an answer. */
const LEARNING_MS = 8000

class CurrentProject {
  id = $state<number | null>(null)
  data = $state<Project | null>(null)
  problem = $state<unknown>(null)
  jobs = $state<Job[]>([])
  /** True from an answer until the model that learnt from it. */
  learning = $state(false)
  /** The newest model as its event told it; null until one arrives on this visit. */
  news = $state<Events['model'] | null>(null)
  #timer: ReturnType<typeof setTimeout> | undefined

  labels = $derived<Label[]>((this.data?.labels ?? []).filter((label) => !label.archived).sort((a, b) => a.position - b.position))
  byId = $derived(new Map((this.data?.labels ?? []).map((label) => [label.id, label])))
  counts = $derived<Counts | null>(this.data?.progress ?? null)
  model = $derived(this.data?.model ?? null)
  openJobs = $derived(this.jobs.filter((job) => job.state === 'queued' || job.state === 'running'))
  canLabel = $derived(this.data !== null && this.data.role !== 'viewer')
  canManage = $derived(this.data?.role === 'owner')

  constructor() {
    live.on('model', (model) => {
      this.news = model
      this.learning = false
      clearTimeout(this.#timer)
      if (this.data) this.data.model = { number: model.number, labels: model.labels, accuracy: model.accuracy }
    })
    live.on('progress', (progress) => this.count(progress))
    live.on('job', (job) => this.noteJob(job))
    live.onReturn(() => void this.reload())
  }

  /** Opens a project, or does nothing when it is open. */
  async open(id: number): Promise<void> {
    if (this.id === id && this.data) return
    this.id = id
    this.data = null
    this.problem = null
    this.jobs = []
    this.news = null
    this.learning = false
    live.open(id)
    await this.reload()
  }

  close(): void {
    live.close()
    this.id = null
    this.data = null
  }

  /** Fetches the project again; what is shown stays until the answer comes. */
  async reload(): Promise<void> {
    const id = this.id
    if (id === null) return
    try {
      const [data, jobs] = await Promise.all([calls.project(id), calls.jobs(id)])
      if (this.id !== id) return
      this.data = data
      this.jobs = jobs
      this.problem = null
    } catch (error) {
      if (this.id === id && !this.data) this.problem = error
      else console.warn(sentence(error))
    }
  }

  count(counts: Partial<Counts>): void {
    if (!this.data) return
    const now = { ...this.data.progress, ...counts }
    if (counts.unlabelled === undefined) now.unlabelled = Math.max(0, now.images - now.labelled - now.skipped - now.flagged)
    this.data.progress = now
  }

  noteJob(job: Job): void {
    const at = this.jobs.findIndex((known) => known.id === job.id)
    if (at < 0) this.jobs = [job, ...this.jobs]
    else this.jobs[at] = { ...this.jobs[at], ...job }
  }

  /** Call after an answer was given: the model will learn from it in a moment. */
  answered(): void {
    // Without features there is nothing to learn from yet.
    if (!this.data?.progress.featured) return
    this.learning = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => (this.learning = false), LEARNING_MS)
  }
}

export const project = new CurrentProject()
