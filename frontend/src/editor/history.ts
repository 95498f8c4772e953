// The answers given on this visit, and where among them we stand: at the live task, or back at an earlier one.
import type { AnnotationKind, Task } from '../api/types'

export interface Answer {
  /** The annotation's id. */
  id: string
  kind: AnnotationKind
  label: number | null
  /** How long the person looked. */
  seconds: number
}

export interface Past {
  task: Task
  answer: Answer
}

const LONGEST = 200

export class History {
  past: Past[]
  /** Index into `past`, or null at the live task. */
  cursor: number | null = null

  constructor(past: Past[] = []) {
    this.past = past
  }

  /** The earlier answer that is being looked at. */
  get revisited(): Past | null {
    return this.cursor === null ? null : (this.past[this.cursor] ?? null)
  }

  /** How many steps before the live task; 0 at it. */
  get stepsBack(): number {
    return this.cursor === null ? 0 : this.past.length - this.cursor
  }

  get canGoBack(): boolean {
    return (this.cursor ?? this.past.length) > 0
  }

  push(past: Past): void {
    // An image that came again (its answer was taken back) has only its newest answer.
    this.past = [...this.past.filter((known) => known.task.image.id !== past.task.image.id), past].slice(-LONGEST)
  }

  back(): void {
    if (this.canGoBack) this.cursor = (this.cursor ?? this.past.length) - 1
  }

  forward(): void {
    if (this.cursor !== null) this.cursor = this.cursor + 1 < this.past.length ? this.cursor + 1 : null
  }

  home(): void {
    this.cursor = null
  }

  goTo(image: number): void {
    const at = this.past.findIndex((known) => known.task.image.id === image)
    if (at >= 0) this.cursor = at
  }

  /** Replaces the answer being looked at and returns to the live task; a taken-back answer leaves the list. */
  change(answer: Answer): void {
    if (this.cursor === null) return
    const at = this.cursor
    this.past =
      answer.kind === 'clear' ? this.past.filter((_, other) => other !== at) : this.past.map((known, other) => (other === at ? { ...known, answer } : known))
    this.cursor = null
  }
}

/** Answers a minute over the last ones; a pause of more than a minute counts as one. Null while there are too few. */
export function pace(past: readonly Past[], last = 20): number | null {
  const recent = past.slice(-last)
  if (recent.length < 3) return null
  const seconds = recent.reduce((sum, { answer }) => sum + Math.min(60, Math.max(0.2, answer.seconds)), 0)
  return (recent.length / seconds) * 60
}
