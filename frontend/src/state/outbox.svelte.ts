// The answers of whoever is signed in, on their way to the server, whatever page is open.
import { createSubscriber } from 'svelte/reactivity'
import * as calls from '../api/calls'
import { ApiError } from '../api/client'
import type { NewAnnotation } from '../api/types'
import { Outbox, type EntryState } from '../editor/outbox'
import { openStore, type Entry } from '../editor/outboxStore'
import { project } from './project.svelte'

class SignedInOutbox {
  #outbox: Outbox | null = null
  #listeners = new Set<() => void>()
  #subscribe = createSubscriber((update) => this.onchange(update))

  constructor() {
    window.addEventListener('online', () => void this.#outbox?.flush())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') void this.#outbox?.flush()
    })
  }

  open(user: number): void {
    this.close()
    this.#outbox = new Outbox({
      user,
      store: openStore(),
      send: calls.annotate,
      // Signed out is temporary too: the answers wait until the person is back.
      temporary: (error) => error instanceof ApiError && (error.temporary || error.status === 401),
      saved: (id, _, progress) => {
        if (project.id !== id) return
        project.count(progress)
        project.answered()
      },
    })
    this.#outbox.onchange(() => this.#tell())
    void this.#outbox.start()
  }

  close(): void {
    this.#outbox?.close()
    this.#outbox = null
    this.#tell()
  }

  add = (id: number, body: NewAnnotation, thumb: string) => this.#outbox?.add(id, body, thumb)
  retry = (id: string) => this.#outbox?.retry(id)
  discard = (id: string) => this.#outbox?.discard(id)
  flush = () => this.#outbox?.flush()
  unsent = (id: number): number[] => this.#outbox?.unsent(id) ?? []

  /** For code outside components; components just read. */
  onchange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get pending(): Entry[] {
    this.#subscribe()
    return this.#outbox?.pending ?? []
  }

  get failed(): Entry[] {
    this.#subscribe()
    return this.#outbox?.failed ?? []
  }

  get stuck(): boolean {
    this.#subscribe()
    return this.#outbox?.stuck ?? false
  }

  get durable(): boolean {
    this.#subscribe()
    return this.#outbox?.durable ?? true
  }

  stateOf(id: string): EntryState {
    this.#subscribe()
    return this.#outbox?.stateOf(id) ?? 'saved'
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

export const outbox = new SignedInOutbox()
