// Cuts a list of files into what goes in one request: few enough to show progress, enough to spare round trips.
import type { Found } from './found'

export const MOST_FILES = 12
export const MOST_BYTES = 12_000_000

/** How many of `files`, from `start` on, make the next batch: at least one. */
export function batchSize(files: readonly Found[], start: number): number {
  let bytes = 0
  let size = 0
  while (start + size < files.length && size < MOST_FILES) {
    bytes += files[start + size]?.file.size ?? 0
    if (size > 0 && bytes > MOST_BYTES) break
    size += 1
  }
  return size
}
