// The images that a filter lets through, fetched page by page as they are scrolled to.
import * as calls from '../../api/calls'
import type { ImageRow } from '../../api/types'

export const KINDS = ['unlabelled', 'labelled', 'skipped', 'flagged', 'audit'] as const
export type Kind = (typeof KINDS)[number] | ''

export interface Filter {
  state: Kind
  label: string
  search: string
  /** The id of the device that sent them. */
  device: string
}

/** What an address asks for; a kind of image that there is not means all. */
export const kindNamed = (name: string | null): Kind => KINDS.find((kind) => kind === name) ?? ''

/** What an address asks for; what is no device's id means any. */
export const deviceNamed = (id: string | null): string => (id && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : '')

const PAGE = 120

export class ImageList {
  rows = $state.raw<readonly ImageRow[]>([])
  /** True until the first page of a filter is here. */
  fresh = $state(true)
  loading = $state(false)
  problem = $state<unknown>(null)
  #next = $state<number | null>(0)
  #project = 0
  #filter: Filter = { state: '', label: '', search: '', device: '' }
  #stop: AbortController | null = null
  #grew = false

  ended = $derived(this.#next === null)

  /** Starts over with another filter; what is shown stays until the first page comes. */
  async open(project: number, filter: Filter): Promise<void> {
    this.#project = project
    this.#filter = filter
    this.#next = 0
    this.fresh = true
    this.#stop?.abort()
    this.loading = false
    await this.more()
  }

  /** Fetches the next page, if there is one and none is on its way. */
  async more(): Promise<void> {
    if (this.loading || this.#next === null) return
    const stop = (this.#stop = new AbortController())
    this.loading = true
    this.problem = null
    try {
      const page = await calls.images(this.#project, { cursor: this.#next, limit: PAGE, ...this.#filter }, stop.signal)
      this.rows = this.fresh ? page.results : [...this.rows, ...page.results]
      this.#next = page.next
      this.fresh = false
    } catch (error) {
      if (!stop.signal.aborted) this.problem = error
    } finally {
      if (this.#stop === stop) this.loading = false
    }
    if (this.#grew && !this.loading) await this.grown()
  }

  /** More images have come: they are at the end. */
  async grown(): Promise<void> {
    this.#grew = this.loading
    if (this.loading || this.#next !== null) return
    this.#next = this.rows.at(-1)?.id ?? 0
    await this.more()
  }

  replace(row: ImageRow): void {
    this.rows = this.rows.map((one) => (one.id === row.id ? row : one))
  }

  remove(id: number): void {
    this.rows = this.rows.filter((one) => one.id !== id)
  }
}
