// Tasks and answers for tests.
import type { Counts, Task } from '../../src/api/types'

export function task(id: number, more: Partial<Task> = {}): Task {
  return {
    image: { id, name: `image-${id}.jpg`, width: 400, height: 300, display: `/display/${id}`, thumb: `/thumb/${id}` },
    kind: 'learn',
    reason: { code: 'unlike', text: 'Unlike anything labelled yet' },
    guess: { label: 1, confidence: 0.9 },
    top: [],
    model_version: 3,
    lease_expires_at: '2030-01-01T00:00:00Z',
    device: null,
    ...more,
  }
}

export const counts: Counts = {
  images: 100, featured: 100, labelled: 1, audit_images: 10, audit_labelled: 0, skipped: 0, flagged: 0, unlabelled: 99,
}

/** Lets everything that waits only for promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}
