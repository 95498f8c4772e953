// Short messages at the foot of the page. Say what happened; offer at most one action.
import { sentence } from '../api/client'

export type Tone = 'plain' | 'good' | 'bad'

export interface Toast {
  id: number
  tone: Tone
  text: string
  action?: { label: string; run: () => void }
}

const STAY_MS = { plain: 4000, good: 4000, bad: 9000 }

class Toasts {
  list = $state<Toast[]>([])
  #next = 1

  show(text: string, tone: Tone = 'plain', action?: Toast['action']): number {
    const id = this.#next++
    this.list = [...this.list.filter((toast) => toast.text !== text), { id, tone, text, action }].slice(-4)
    setTimeout(() => this.dismiss(id), STAY_MS[tone])
    return id
  }

  good = (text: string, action?: Toast['action']) => this.show(text, 'good', action)
  bad = (error: unknown, action?: Toast['action']) => this.show(sentence(error), 'bad', action)

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id)
  }
}

export const toasts = new Toasts()
