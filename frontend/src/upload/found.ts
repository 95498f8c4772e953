// What a drop or a picker can hold, and which of it is worth sending.

/** One file with the path it had, e.g. "glass/0001.jpg". */
export interface Found {
  path: string
  file: File
}

/** A file that is not sent, or that the server refused, and why. */
export interface Problem {
  name: string
  code: string
  message: string
}

export type Kind = 'image' | 'archive' | 'clutter' | 'other'

const IMAGES = new Set(['jpg', 'jpeg', 'jfif', 'png', 'webp', 'bmp', 'tif', 'tiff', 'gif'])
const ARCHIVES = new Set(['zip'])
// Left behind by operating systems; nobody wants to hear of them.
const CLUTTER = new Set(['.ds_store', 'thumbs.db', 'desktop.ini', '__macosx'])

/** Judges a file by its name alone; what it really is, the server finds out. A file without an ending may be an image. */
export function kindOf(path: string): Kind {
  const parts = path.toLowerCase().split('/').filter(Boolean)
  if (parts.some((part) => CLUTTER.has(part) || part.startsWith('._'))) return 'clutter'
  const name = parts.at(-1) ?? ''
  if (name.startsWith('.')) return 'clutter'
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 ? name.slice(dot + 1) : ''
  if (ending === '' || IMAGES.has(ending)) return 'image'
  return ARCHIVES.has(ending) ? 'archive' : 'other'
}

/** The folder a file lies in, which may be its class: "glass" for "trash/glass/1.jpg", '' at the top. */
export function folderOf(path: string): string {
  return path.split('/').filter(Boolean).at(-2) ?? ''
}
