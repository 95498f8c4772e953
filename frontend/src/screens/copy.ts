// Puts text on the clipboard and says so.
import { toasts } from '../state/toasts.svelte'

export async function copyText(text: string, said = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    toasts.good(said)
  } catch {
    toasts.show('The browser allows copying only over https or on this machine: select the text and copy it.', 'bad')
  }
}
