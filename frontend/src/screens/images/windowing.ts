// Which rows of a long grid are near enough to the window to be drawn.

export interface Grid {
  columns: number
  /** Side of a square tile, in pixels. */
  tile: number
  /** From the top of one row to the top of the next. */
  pitch: number
  height: number
}

export function layOut(width: number, count: number, smallest: number, gap: number): Grid {
  const columns = Math.max(2, Math.floor((width + gap) / (smallest + gap)))
  const tile = Math.max(1, (width - gap * (columns - 1)) / columns)
  const rows = Math.ceil(count / columns)
  return { columns, tile, pitch: tile + gap, height: Math.max(0, rows * (tile + gap) - gap) }
}

/** The half-open range of items in view: `top` is how far the grid's top is above the window's, in pixels. */
export function inView(grid: Grid, count: number, top: number, windowHeight: number, spare = 3): { from: number; to: number } {
  const first = Math.max(0, Math.floor(top / grid.pitch) - spare)
  const last = Math.max(0, Math.ceil((top + windowHeight) / grid.pitch) + spare)
  return { from: Math.min(count, first * grid.columns), to: Math.min(count, last * grid.columns) }
}
