// The colours and keys that new classes get, in the same order as the server gives them.
export const PALETTE = [
  '#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377', '#ee7733', '#009988', '#cc3311', '#33bbee',
  '#882255', '#999933', '#332288', '#ddaa33', '#117733', '#88ccee', '#994455', '#6699cc', '#997700', '#ee99aa',
] as const

// Keys of the label page itself: skip, flag, back, help.
const RESERVED = 'sfd? '
export const KEYS = `1234567890${[...'qwertyuiopaghjklzxcvbnm'].filter((letter) => !RESERVED.includes(letter)).join('')}`

export const isReserved = (key: string) => RESERVED.includes(key.toLowerCase())

export function freeColor(taken: readonly string[]): string {
  const used = new Set(taken.map((color) => color.toLowerCase()))
  return PALETTE.find((color) => !used.has(color)) ?? PALETTE[taken.length % PALETTE.length] ?? PALETTE[0]
}

/** The first key nobody has; '' when all are taken. */
export function freeKey(taken: readonly string[]): string {
  const used = new Set(taken.map((key) => key.toLowerCase()))
  return [...KEYS].find((key) => !used.has(key)) ?? ''
}

/** Names as people type or paste them: separated by commas, semicolons, tabs or lines. */
export function namesIn(text: string): string[] {
  return text
    .split(/[,;\t\n\r]+/)
    .map((name) => name.trim().replace(/\s+/g, ' '))
    .filter(Boolean)
}
