// What fingers and the mouse do on the image: drag to pan, two fingers to zoom, a swipe to answer.
import type { Point } from './camera'

export type Direction = 'left' | 'right' | 'up' | 'down'

export interface Effects {
  pan: (by: Point) => void
  zoom: (factor: number, at: Point) => void
  /** The finger is on its way; `share` reaches 1 where letting go counts. */
  swiping: (direction: Direction, share: number, by: Point) => void
  swiped: (direction: Direction) => void
  /** The swipe ended too early, or became something else. */
  settled: () => void
}

type State =
  | { name: 'idle' }
  | { name: 'pan' }
  | { name: 'swipe'; from: Point }
  | { name: 'pinch' }
  /** After a pinch, until all fingers are up. */
  | { name: 'over' }

/** Pixels a swipe must travel to count, and before it shows at all. */
const FAR = 90
const NEAR = 12

/** A state machine over pointers. `swipes()` says whether one finger swipes now (the image is fitted) or pans. */
export class Gestures {
  #state: State = { name: 'idle' }
  #pointers = new Map<number, Point>()

  constructor(
    private readonly effects: Effects,
    private readonly swipes: () => boolean,
  ) {}

  get busy(): boolean {
    return this.#state.name !== 'idle'
  }

  down(id: number, at: Point, finger: boolean): void {
    this.#pointers.set(id, at)
    if (this.#pointers.size === 2) {
      if (this.#state.name === 'swipe') this.effects.settled()
      this.#state = { name: 'pinch' }
    } else if (this.#pointers.size === 1) {
      this.#state = finger && this.swipes() ? { name: 'swipe', from: at } : { name: 'pan' }
    }
  }

  move(id: number, to: Point): void {
    const from = this.#pointers.get(id)
    if (!from) return
    if (this.#state.name === 'pinch') this.#pinch(id, from, to)
    this.#pointers.set(id, to)
    if (this.#state.name === 'pan') this.effects.pan(minus(to, from))
    if (this.#state.name === 'swipe') {
      const by = minus(to, this.#state.from)
      if (length(by) >= NEAR) this.effects.swiping(direction(by), Math.min(1, length(by) / FAR), by)
    }
  }

  up(id: number): void {
    const at = this.#pointers.get(id)
    if (!this.#pointers.delete(id) || !at) return
    if (this.#state.name === 'swipe') {
      const by = minus(at, this.#state.from)
      this.effects.settled()
      if (length(by) >= FAR) this.effects.swiped(direction(by))
    }
    this.#state = this.#pointers.size === 0 ? { name: 'idle' } : { name: 'over' }
  }

  cancel(id: number): void {
    this.#pointers.delete(id)
    if (this.#state.name === 'swipe') this.effects.settled()
    this.#state = this.#pointers.size === 0 ? { name: 'idle' } : { name: 'over' }
  }

  #pinch(id: number, from: Point, to: Point): void {
    const other = [...this.#pointers].find(([known]) => known !== id)?.[1]
    if (!other) return
    const before = Math.max(1, length(minus(from, other)))
    this.effects.pan({ x: (to.x - from.x) / 2, y: (to.y - from.y) / 2 })
    this.effects.zoom(length(minus(to, other)) / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 })
  }
}

const minus = (a: Point, b: Point): Point => ({ x: a.x - b.x, y: a.y - b.y })
const length = (by: Point) => Math.hypot(by.x, by.y)

function direction(by: Point): Direction {
  if (Math.abs(by.x) >= Math.abs(by.y)) return by.x > 0 ? 'right' : 'left'
  return by.y > 0 ? 'down' : 'up'
}

/** What a turn of the wheel, or two fingers on a touchpad, means as a zoom factor. */
export function wheelFactor(event: { deltaY: number; deltaMode: number; ctrlKey: boolean }): number {
  const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1)
  const speed = event.ctrlKey ? 0.01 : 0.0018
  return Math.exp(-Math.max(-300, Math.min(300, pixels)) * speed)
}
