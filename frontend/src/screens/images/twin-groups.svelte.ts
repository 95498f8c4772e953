// Groups of images that look alike, fetched page by page; those whose labels differ come first.
import * as calls from '../../api/calls'
import type { ImageRow, TwinGroup } from '../../api/types'

/** What the address says when they are shown. */
export const TWINS = 'duplicates'

export class TwinGroups {
  groups = $state.raw<readonly TwinGroup[]>([])
  total = $state(0)
  differ = $state(0)
  /** When they were looked for, or null while nobody has. */
  searched = $state<string | null>(null)
  /** True until the first page is here. */
  fresh = $state(true)
  loading = $state(false)
  problem = $state<unknown>(null)
  #next = $state<number | null>(0)
  #project = 0
  #stop: AbortController | null = null

  ended = $derived(this.#next === null)
  /** All images, in the order in which they are shown. */
  rows = $derived(this.groups.flatMap((group) => group.images))

  async open(project: number): Promise<void> {
    this.#project = project
    this.#next = 0
    this.fresh = true
    this.#stop?.abort()
    this.loading = false
    await this.more()
  }

  async more(): Promise<void> {
    if (this.loading || this.#next === null) return
    const stop = (this.#stop = new AbortController())
    this.loading = true
    this.problem = null
    try {
      const page = await calls.duplicates(this.#project, this.#next, stop.signal)
      this.groups = this.fresh ? page.results : [...this.groups, ...page.results]
      this.#next = page.next
      this.total = page.total
      this.differ = page.differ
      this.searched = page.searched_at
      this.fresh = false
    } catch (error) {
      if (!stop.signal.aborted) this.problem = error
    } finally {
      if (this.#stop === stop) this.loading = false
    }
  }

  /** A group keeps its place when its labels agree at last, so that nothing moves under the pointer. */
  replace(row: ImageRow): void {
    this.#change((images) => images.map((one) => (one.id === row.id ? row : one)))
  }

  remove(id: number): void {
    this.#change((images) => images.filter((one) => one.id !== id))
  }

  #change(how: (images: ImageRow[]) => ImageRow[]): void {
    const before = this.groups
    this.groups = before.map((group) => {
      const images = how(group.images)
      // Of a group that is listed in part, the others may differ all the same.
      const all = images.length === group.images.length && images.length === group.count
      const kinds = new Set(images.flatMap((one) => (one.label ? [one.label.id] : [])))
      return { ...group, images, count: group.count - group.images.length + images.length, differ: all ? kinds.size > 1 : group.differ }
    })
    const differing = (groups: readonly TwinGroup[]) => groups.filter((group) => group.differ).length
    this.differ += differing(this.groups) - differing(before)
  }
}
