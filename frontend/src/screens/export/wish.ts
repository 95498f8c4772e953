// What an owner may ask of an export besides pressing the button.

/** How many points of a hundred INT8 may lose when nobody says otherwise. */
export const USUAL = '1'
const [LEAST, MOST] = [0.1, 100]

export interface Wish {
  max_drop?: number
}

/** Points of a hundred, as typed, as the share that the server takes; nothing for the usual, null for what is no such number. */
export function wishOf(points: string): Wish | null {
  const value = Number(points.trim().replace(',', '.') || NaN)
  if (!(value >= LEAST && value <= MOST)) return null
  return value === Number(USUAL) ? {} : { max_drop: Number((value / 100).toFixed(6)) }
}
