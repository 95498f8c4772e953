// How good the model is, in words that need no statistics.
import type { Counts, Estimate, Learning } from '../../api/types'
import { plural } from '../../parts/format'

/** From so many audit labels on, the interval is narrow enough to speak of one number. */
export const ENOUGH_AUDIT = 30
/** Fewer audit labels than this make points that jump from nothing to everything; they are not drawn. */
export const DRAWN_AUDIT = 10

export interface Verdict {
  /** The number to show large, of 100; null while it would mislead. */
  of100: number | null
  title: string
  text: string
}

export function verdict(accuracy: Estimate | null, counts: Counts): Verdict {
  const n = accuracy?.n ?? 0
  const [low, high] = accuracy ? [hundredths(accuracy.low), hundredths(accuracy.high)] : [0, 0]
  if (accuracy && n >= ENOUGH_AUDIT) {
    const about = hundredths(accuracy.value)
    return {
      of100: about,
      title: `Right on about ${about} of 100 images`,
      text: `Between ${low} and ${high}, judged on ${plural(n, 'audit image')} that it never learns from.`,
    }
  }
  const so = accuracy && n > 0 ? `So far between ${low} and ${high} of 100, from ${plural(n, 'audit image')}. ` : ''
  return { of100: null, title: n === 0 ? 'Not judged yet' : 'Too early to judge', text: so + missing(n, counts) }
}

function missing(n: number, counts: Counts): string {
  const more = ENOUGH_AUDIT - n
  const left = counts.audit_images - counts.audit_labelled
  if (counts.audit_images === 0) return 'No image has been put aside for judging yet; of new images, some will be.'
  if (left <= 0) return 'All audit images are labelled; more images would make it surer.'
  if (left < more) return `Label the last ${plural(left, 'audit image')} and add more images: every so often an image is put aside for judging.`
  return `${plural(more, 'more audit label')} and it can be said. They come by themselves while you label.`
}

const hundredths = (share: number) => Math.round(share * 100)

export interface MixUp {
  row: number
  column: number
  times: number
  of: number
}

/** Which classes are taken for which others, most often first. */
export function mixUps(matrix: readonly (readonly number[])[], most = 5): MixUp[] {
  const found = matrix.flatMap((cells, row) => {
    const of = cells.reduce((sum, cell) => sum + cell, 0)
    return cells.map((times, column) => ({ row, column, times, of })).filter((one) => one.row !== one.column && one.times > 0)
  })
  return found.sort((a, b) => b.times - a.times || b.times / b.of - a.times / a.of).slice(0, most)
}

/** Whether confidence keeps its word, by how far it lies from what was right on average. */
export function believed({ gap }: NonNullable<Learning['reliability']>): string {
  const [low, high] = [hundredths(gap.low), hundredths(gap.high)]
  if (gap.low > 0) return `It is too sure: by ${hundredths(gap.value)} points of 100 on average (${low} to ${high}).`
  if (gap.high < 0) return `It is better than it says: by ${-hundredths(gap.value)} points of 100 on average (${-high} to ${-low}).`
  if (high - low > WIDE_GAP) return `So far it is not known to be too sure or too modest; few audit labels leave room for ${Math.max(high, -low)} points of 100.`
  return 'As far as can be told it is right about as often as it says.'
}

/** An interval wider than this many points leaves the matter open. */
const WIDE_GAP = 20
