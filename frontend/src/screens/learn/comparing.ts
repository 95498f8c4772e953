// How a challenger stands, and what its comparison means, in words.
import type { Challenger } from '../../api/types'

export const STATES: Record<Challenger['state'], { word: string; tone: 'plain' | 'accent' | 'good' | 'warn' | 'bad' }> = {
  computing: { word: 'Being tried', tone: 'accent' },
  judged: { word: 'Taking over', tone: 'accent' },
  won: { word: 'Won', tone: 'good' },
  lost: { word: 'Not better', tone: 'plain' },
  undecided: { word: 'Undecided', tone: 'warn' },
  cancelled: { word: 'Cancelled', tone: 'plain' },
  failed: { word: 'Failed', tone: 'bad' },
}

/** Why p is what it is, in words: chance alone does as well once in so many times. */
export function chance(p: number): string {
  if (p >= 0.5) return 'chance alone does as well more often than not'
  if (p < 0.001) return 'chance alone does as well less than once in 1,000 times'
  return `chance alone does as well once in ${Math.round(1 / p)} times`
}

/** 'computing' and 'judged' are at work. */
export const isOpen = (one: Challenger) => one.state === 'computing' || one.state === 'judged'
