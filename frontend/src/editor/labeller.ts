// One person labelling one project: what is in front of them, and what each answer does.
import type { AnnotationKind, Label, NewAnnotation, Task } from '../api/types'
import { newId } from '../api/uuid'
import { History, type Answer, type Past } from './history'
import type { Outbox } from './outbox'
import type { TaskQueue } from './queue'

export interface LabellerOptions {
  project: number
  client: string
  queue: TaskQueue
  outbox: Pick<Outbox, 'add'>
  history?: History
  now?: () => number
  newId?: () => string
  /** Told of each answer, with the one it replaces. */
  onanswer?: (task: Task, answer: Answer, before: Answer | null) => void
}

/** Looking away is not looking: a longer time is not reported. */
const LONGEST_LOOK_S = 600

export class Labeller {
  readonly history: History
  onchange: () => void = () => {}
  #shownAt: number
  #now: () => number

  constructor(private readonly options: LabellerOptions) {
    this.history = options.history ?? new History()
    this.#now = options.now ?? (() => performance.now())
    this.#shownAt = this.#now()
    options.queue.onchange = () => this.onchange()
  }

  /** What is in front of the person: an earlier image, or the live one. */
  get task(): Task | null {
    return this.history.revisited?.task ?? this.options.queue.current
  }

  get revisited(): Past | null {
    return this.history.revisited
  }

  /** The class that Enter would give: what was given before, else the model's guess if that class still exists. */
  suggestion(labels: readonly Pick<Label, 'id'>[]): number | null {
    const label = this.revisited ? this.revisited.answer.label : (this.task?.guess?.label ?? null)
    return labels.some(({ id }) => id === label) ? label : null
  }

  /** The image is on the screen: its time starts. */
  shown(): void {
    this.#shownAt = this.#now()
  }

  give(kind: AnnotationKind, label: number | null = null): void {
    const task = this.task
    if (!task) return
    const before = this.revisited?.answer ?? null
    if (before && before.kind === kind && before.label === label) {
      this.forward()
      return
    }
    const seconds = Math.min(LONGEST_LOOK_S, Math.max(0, (this.#now() - this.#shownAt) / 1000))
    const answer: Answer = { id: (this.options.newId ?? newId)(), kind, label, seconds }
    this.options.outbox.add(this.options.project, annotation(task, answer, this.options.client), task.image.thumb)
    if (before) {
      this.history.change(answer)
      if (kind === 'clear') this.options.queue.forgive(task.image.id)
    } else {
      this.history.push({ task, answer })
      this.options.queue.take()
    }
    this.options.onanswer?.(task, answer, before)
    this.#moved()
  }

  back(): void {
    this.history.back()
    this.#moved()
  }

  forward(): void {
    this.history.forward()
    this.#moved()
  }

  home(): void {
    this.history.home()
    this.#moved()
  }

  goTo(image: number): void {
    this.history.goTo(image)
    this.#moved()
  }

  #moved(): void {
    this.shown()
    this.onchange()
  }
}

function annotation(task: Task, answer: Answer, client: string): NewAnnotation {
  return {
    id: answer.id,
    image: task.image.id,
    kind: answer.kind,
    ...(answer.label === null ? {} : { label: answer.label }),
    client,
    seconds: Math.round(answer.seconds * 100) / 100,
    model_version: task.model_version,
    guess: task.guess?.label ?? null,
    confidence: task.guess?.confidence ?? null,
  }
}
