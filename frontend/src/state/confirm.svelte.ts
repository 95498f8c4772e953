// "Are you sure?", as a promise: `if (await confirm.ask({...})) ...`. The shell shows it once for all pages.
export interface Question {
  title: string
  body?: string
  action: string
  danger?: boolean
  /** When set, this word must be typed before the action is allowed. */
  typed?: string
}

class Confirm {
  question = $state<Question | null>(null)
  #answer: (yes: boolean) => void = () => {}

  ask(question: Question): Promise<boolean> {
    this.#answer(false)
    this.question = question
    return new Promise((resolve) => (this.#answer = resolve))
  }

  answer(yes: boolean): void {
    this.question = null
    this.#answer(yes)
    this.#answer = () => {}
  }
}

export const confirm = new Confirm()
