// The label page's state: the labeller, its queue and images, and what live events change.
import { createSubscriber } from 'svelte/reactivity'
import * as calls from '../../api/calls'
import { newId } from '../../api/uuid'
import type { AnnotationKind, Events, Guess, Task } from '../../api/types'
import { History, pace, type Answer, type Past } from '../../editor/history'
import { Labeller } from '../../editor/labeller'
import { Pictures } from '../../editor/pictures'
import { TaskQueue, type QueueState } from '../../editor/queue'
import { live } from '../../state/live.svelte'
import { outbox } from '../../state/outbox.svelte'
import { project } from '../../state/project.svelte'
import { toasts } from '../../state/toasts.svelte'

const RENEW_MS = 45_000
const REMEMBERED = 60

export interface AccuracyPoint {
  labels: number
  value: number
  low: number
  high: number
}

export class Desk {
  readonly pictures = new Pictures()
  /** The last model that learnt on this visit. */
  learnt = $state<Pick<Events['model'], 'number' | 'total_ms'> | null>(null)
  curve = $state<AccuracyPoint[]>([])
  /** What the last answer was, for those who listen instead of look. */
  said = $state('')
  #choice = $state<{ image: number; label: number } | null>(null)
  #client: string
  #queue: TaskQueue
  #labeller: Labeller
  #listeners = new Set<() => void>()
  #subscribe = createSubscriber((update) => {
    this.#listeners.add(update)
    return () => this.#listeners.delete(update)
  })
  #stops: (() => void)[] = []

  constructor(private readonly id: number) {
    this.#client = claimed(id)
    this.#queue = new TaskQueue({
      server: {
        next: async (count, exclude) => {
          const { tasks, progress } = await calls.nextTasks(id, { client: this.#client, count, exclude })
          if (project.id === id) project.count(progress)
          if (tasks.some((task) => task.guess && !project.byId.has(task.guess.label))) void project.reload()
          return tasks
        },
        renew: async (images) => (await calls.renewTasks(id, { client: this.#client, images })).lost,
        release: (images) => calls.releaseTasks(id, { client: this.#client, images }).catch(() => undefined),
      },
      preload: (task) => {
        this.pictures.load(task.image.display)
        this.pictures.load(task.image.thumb)
      },
      unsent: () => outbox.unsent(id),
    })
    this.#labeller = new Labeller({
      project: id,
      client: this.#client,
      queue: this.#queue,
      outbox,
      history: new History(remembered(id)),
      onanswer: (task, answer, before) => this.#answered(task, answer, before),
    })
    this.#labeller.onchange = () => {
      for (const listener of this.#listeners) listener()
    }
    this.#listen()
    void this.#queue.fill()
    void this.#loadCurve()
  }

  get task(): Task | null {
    this.#subscribe()
    return this.#labeller.task
  }

  get revisited(): Past | null {
    this.#subscribe()
    return this.#labeller.revisited
  }

  get stepsBack(): number {
    this.#subscribe()
    return this.#labeller.history.stepsBack
  }

  get canGoBack(): boolean {
    this.#subscribe()
    return this.#labeller.history.canGoBack
  }

  get past(): readonly Past[] {
    this.#subscribe()
    return this.#labeller.history.past
  }

  get pace(): number | null {
    return pace(this.past)
  }

  get queueState(): QueueState {
    this.#subscribe()
    return this.#queue.state
  }

  get problem(): unknown {
    this.#subscribe()
    return this.#queue.error
  }

  /** What Enter gives: what the person moved to, else what was given before, else the guess. */
  get selected(): number | null {
    const image = this.task?.image.id
    if (this.#choice && this.#choice.image === image) return this.#choice.label
    return this.#labeller.suggestion(project.labels)
  }

  /** The model's likeliest classes that still exist. */
  get top(): Guess[] {
    const task = this.task
    const guesses = task?.top.length ? task.top : task?.guess ? [task.guess] : []
    return guesses.filter((guess) => project.labels.some(({ id }) => id === guess.label))
  }

  give(kind: AnnotationKind, label: number | null = null): void {
    if (!project.canLabel || !this.task) return
    performance.mark('swap:start')
    this.#labeller.give(kind, label)
  }

  accept(): void {
    if (this.selected !== null) this.give('label', this.selected)
    else if (this.revisited) this.forward()
  }

  select(step: 1 | -1): void {
    const image = this.task?.image.id
    const labels = project.labels
    if (image === undefined || labels.length === 0) return
    const at = labels.findIndex(({ id }) => id === this.selected)
    const to = labels[at < 0 ? (step > 0 ? 0 : labels.length - 1) : (at + step + labels.length) % labels.length]
    if (to) this.#choice = { image, label: to.id }
  }

  back = () => this.#move(() => this.#labeller.back())
  forward = () => this.#move(() => this.#labeller.forward())
  home = () => this.#move(() => this.#labeller.home())
  goTo = (image: number) => this.#move(() => this.#labeller.goTo(image))
  retry = () => void this.#queue.fill()

  /** The image is on the screen. */
  shown(): void {
    this.#labeller.shown()
    if (performance.getEntriesByName('swap:start', 'mark').length === 0) return
    performance.measure('swap', 'swap:start')
    performance.clearMarks('swap:start')
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#queue.close()
  }

  /** The window goes: a reload shall find the image that was on the screen, so that one is not given back. */
  leave(): void {
    for (const stop of this.#stops) stop()
    this.#queue.close(1)
    leaveBehind(this.id, this.#client)
  }

  #move(step: () => void): void {
    performance.mark('swap:start')
    this.#choice = null
    step()
  }

  #listen(): void {
    const renewing = setInterval(() => void this.#renew(), RENEW_MS)
    const wake = () => {
      if (document.visibilityState === 'visible') void this.#renew()
    }
    document.addEventListener('visibilitychange', wake)
    let wasStuck = false
    this.#stops.push(
      () => clearInterval(renewing),
      () => document.removeEventListener('visibilitychange', wake),
      live.on('queue', () => {
        if (!outbox.stuck) this.#queue.refresh()
      }),
      live.on('model', (model) => {
        this.learnt = { number: model.number, total_ms: model.total_ms }
        if (model.accuracy) this.#addPoint({ labels: model.labels, ...model.accuracy })
      }),
      live.on('progress', () => {
        if (this.#queue.state === 'empty') void this.#queue.fill()
      }),
      live.onReturn(() => {
        void this.#queue.fill()
        void this.#loadCurve()
      }),
      outbox.onchange(() => {
        if (wasStuck && !outbox.stuck) void this.#queue.fill()
        wasStuck = outbox.stuck
      }),
    )
  }

  async #renew(): Promise<void> {
    try {
      if ((await this.#queue.renew()) && !this.revisited) toasts.show('Somebody else has the image that was here. This is the next one.')
    } catch (error) {
      // The leases may run out meanwhile; the next renewal says which were lost.
      console.warn('The images could not be held on to:', error)
    }
  }

  #answered(task: Task, answer: Answer, before: Answer | null): void {
    this.#choice = null
    this.pictures.load(task.image.display)
    if (before?.kind === 'label') count(before.label, -1)
    if (answer.kind === 'label') count(answer.label, 1)
    this.said = spoken(answer)
    remember(this.id, this.#labeller.history.past)
  }

  #addPoint(point: AccuracyPoint): void {
    this.curve = [...this.curve.filter(({ labels }) => labels < point.labels), point].slice(-200)
  }

  async #loadCurve(): Promise<void> {
    try {
      const { curve } = await calls.learning(this.id)
      this.curve = curve.flatMap(({ labels, accuracy, low, high }) => (accuracy === null || low === null || high === null ? [] : [{ labels, value: accuracy, low, high }]))
    } catch (error) {
      // The sparkline then starts with the next model.
      console.warn('The curve could not be loaded:', error)
    }
  }
}

function spoken(answer: Answer): string {
  const name = answer.label === null ? '' : (project.byId.get(answer.label)?.name ?? '')
  return { label: `Answered ${name}.`, skip: 'Skipped.', flag: 'Flagged.', clear: 'Answer taken back.' }[answer.kind]
}

function count(label: number | null, by: number): void {
  const known = project.data?.labels.find(({ id }) => id === label)
  if (known) known.count = Math.max(0, known.count + by)
}

const clientPlace = (id: number) => `client:${id}`

/** The name under which this tab held images before a reload, else a new one. Taken away, so that a copy of the tab gets its own. */
function claimed(id: number): string {
  try {
    const name = sessionStorage.getItem(clientPlace(id))
    sessionStorage.removeItem(clientPlace(id))
    return name ?? newId()
  } catch (error) {
    console.warn('A reload will show another image:', error)
    return newId()
  }
}

function leaveBehind(id: number, client: string): void {
  try {
    sessionStorage.setItem(clientPlace(id), client)
  } catch (error) {
    console.warn('A reload will show another image:', error)
  }
}

const place = (id: number) => `answers:${id}`

/** The last answers of this tab: going back works across a reload. */
function remembered(id: number): Past[] {
  try {
    return JSON.parse(sessionStorage.getItem(place(id)) ?? '[]') as Past[]
  } catch (error) {
    console.warn('The last answers could not be read:', error)
    return []
  }
}

function remember(id: number, past: readonly Past[]): void {
  try {
    sessionStorage.setItem(place(id), JSON.stringify(past.slice(-REMEMBERED)))
  } catch (error) {
    console.warn('The last answers are not kept over a reload:', error)
  }
}
