// The backbone at work and those tried beside it, fetched again when a job of theirs moves on.
import * as calls from '../../api/calls'
import type { Challenger, Challengers } from '../../api/types'
import { live } from '../../state/live.svelte'
import { toasts } from '../../state/toasts.svelte'
import { isOpen } from './comparing'

export class Contest {
  data = $state.raw<Challengers | null>(null)
  problem = $state<unknown>(null)
  busy = $state(false)
  open = $derived(this.data?.results.find(isOpen) ?? null)
  /** The one whose comparison says most: what is being tried, else what was judged last. */
  shown = $derived(this.open ?? this.data?.results.find((one) => one.comparison !== null) ?? null)
  earlier = $derived((this.data?.results ?? []).filter((one) => one !== this.shown))

  constructor(private readonly project: number) {}

  /** Loads, and follows the project until the returned function is called. */
  follow(): () => void {
    void this.load()
    let last = ''
    const off = [
      live.on('job', (job) => {
        if (job.kind !== 'challenge') return
        const now = `${job.id} ${job.state} ${job.message}`
        if (now !== last) void this.load()
        last = now
      }),
      live.onReturn(() => void this.load()),
    ]
    return () => {
      for (const stop of off) stop()
    }
  }

  async load(): Promise<void> {
    try {
      this.data = await calls.challengers(this.project)
      this.problem = null
    } catch (error) {
      this.problem = error
    }
  }

  /** Does something, shows why it did not work, and loads what holds now. The answer is whether it worked. */
  async #do(action: () => Promise<unknown>, done: string): Promise<boolean> {
    this.busy = true
    try {
      await action()
      toasts.good(done)
      return true
    } catch (error) {
      toasts.bad(error)
      return false
    } finally {
      this.busy = false
      await this.load()
    }
  }

  try = (backbone: string, title: string) => this.#do(() => calls.challenge(this.project, backbone), `Trying ${title}`)
  cancel = (one: Challenger) => this.#do(() => calls.cancelChallenger(this.project, one.id), isOpen(one) ? 'Stopping' : 'No longer waited for')
  use = (one: Challenger) => this.#do(() => calls.useChallenger(this.project, one.id), `${one.title} takes over once it has looked at all images`)
}
