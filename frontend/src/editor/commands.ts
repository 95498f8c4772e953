// A command is data: what it is called, its keys, what it does. Keys, buttons and the help screen come from one list.

export type Group = 'Answer' | 'Classes' | 'Move' | 'View' | 'Page'

export interface Command {
  name: string
  title: string
  group: Group
  /** As `keyOf` writes them: "Enter", "s", "Mod+z", "?". The first one is shown on buttons. */
  keys: readonly string[]
  run: () => void
  /** Left out: always. */
  enabled?: () => boolean
  /** May fire again and again while its key is held down. */
  repeats?: boolean
  /** Not listed in the help. */
  hidden?: boolean
}

export interface KeyPress {
  key: string
  code: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  shiftKey: boolean
  repeat: boolean
}

/** The name of a pressed key. Ctrl and Cmd are both "Mod"; Shift counts only where it makes no other character, or beside Mod. */
export function keyOf(press: KeyPress): string {
  const single = press.key.length === 1
  const name = press.key === ' ' ? 'Space' : single ? press.key.toLowerCase() : press.key
  const mod = press.ctrlKey || press.metaKey
  const shift = press.shiftKey && (!single || mod)
  return (mod ? 'Mod+' : '') + (press.altKey ? 'Alt+' : '') + (shift ? 'Shift+' : '') + name
}

/** The same by the key's place, for layouts whose letters are not Latin or whose digits need Shift. */
export function placeOf(press: KeyPress): string | null {
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(press.code)?.[1]?.toLowerCase()
  if (!place) return null
  const mod = press.ctrlKey || press.metaKey
  return (mod ? 'Mod+' : '') + (press.altKey ? 'Alt+' : '') + (press.shiftKey && mod ? 'Shift+' : '') + place
}

/** Gives each key to the first command that asks for it; a later one loses that key but keeps its button. */
export function bind(commands: readonly Command[]): { commands: Command[]; byKey: Map<string, Command> } {
  const byKey = new Map<string, Command>()
  const bound = commands.map((command) => {
    const mine = command.keys.filter((key) => !byKey.has(key))
    const kept: Command = { ...command, keys: mine }
    for (const key of mine) byKey.set(key, kept)
    return kept
  })
  return { commands: bound, byKey }
}

type Bound = ReadonlyMap<string, Command>

function lookUp(byKey: Bound, press: KeyPress): Command | null {
  const place = placeOf(press)
  return byKey.get(keyOf(press)) ?? (place === null ? null : (byKey.get(place) ?? null))
}

/** Whether a key press belongs to a command, be it allowed now or not. */
export const knows = (byKey: Bound, press: KeyPress): boolean => lookUp(byKey, press) !== null

/** The command for a key press, if there is one and it may run now. */
export function find(byKey: Bound, press: KeyPress): Command | null {
  const command = lookUp(byKey, press)
  if (!command || (press.repeat && !command.repeats) || command.enabled?.() === false) return null
  return command
}

const SPOKEN: Record<string, string> = {
  Mod: '', Enter: '↵', Backspace: '⌫', Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Delete: 'Del',
}

/** A key as it is printed on a keyboard. */
export function printed(key: string, mac = /mac|iphone|ipad/i.test(globalThis.navigator?.platform ?? '')): string {
  return key
    .split(/\+(?=.)/)
    .map((part) => (part === 'Mod' ? (mac ? '⌘' : 'Ctrl') : SPOKEN[part] ?? (part.length === 1 ? part.toUpperCase() : part)))
    .join(mac ? '' : ' ')
}

const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0']

/** The key of each class: its own, else the next free digit, else none. */
export function classKeys(labels: readonly { id: number; key: string }[]): Map<number, string> {
  const taken = new Set(labels.map((label) => label.key.toLowerCase()).filter(Boolean))
  const free = DIGITS.filter((digit) => !taken.has(digit))
  return new Map(labels.map((label) => [label.id, label.key ? label.key.toLowerCase() : (free.shift() ?? '')]))
}
