// The classes of a project that is not made yet: typed quickly, each with a colour and a key from the start.
import type { NewLabel } from '../../api/types'
import { freeColor, freeKey, namesIn } from '../settings/palette'

export interface ClassDraft {
  id: number
  name: string
  color: string
  key: string
}

export class ClassDrafts {
  list = $state<ClassDraft[]>([])
  #next = 1

  /** Adds every name in `text` that is new; the answer is how many were there already. */
  add(text: string): number {
    const names = namesIn(text)
    let twice = 0
    for (const name of names) {
      if (this.list.some((draft) => same(draft.name, name))) {
        twice += 1
        continue
      }
      const color = freeColor(this.list.map((draft) => draft.color))
      this.list.push({ id: this.#next++, name, color, key: freeKey(this.list.map((draft) => draft.key)) })
    }
    return twice
  }

  remove(id: number): void {
    this.list = this.list.filter((draft) => draft.id !== id)
  }

  /** Gives a class a key, taking it from the class that had it. */
  setKey(id: number, key: string): void {
    for (const draft of this.list) if (draft.id !== id && key && draft.key === key) draft.key = ''
    const draft = this.list.find((one) => one.id === id)
    if (draft) draft.key = key
  }

  clear(): void {
    this.list = []
  }

  /** What the server is sent; classes whose name was emptied are left out. */
  get classes(): NewLabel[] {
    return this.list.map(({ name, color, key }) => ({ name: name.trim(), color, key })).filter((draft) => draft.name)
  }
}

const same = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase()
