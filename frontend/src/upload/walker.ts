// Walks dropped folders and picked files, however many, without ever holding the page up.
import { breather } from './breathe'
import { folderOf, kindOf, type Found, type Problem } from './found'

/** All that a drop holds, sorted by what is to be done with it. */
export interface Survey {
  images: Found[]
  archives: Found[]
  /** Files that are not images by their name, or cannot be read. */
  left: Problem[]
  bytes: number
  /** Images a folder, by the name of the folder they lie in; '' for those at the top. */
  folders: Map<string, number>
}

// How many files of a folder are opened at a time.
const TOGETHER = 64

/** The entries of a drop. Must be called in the drop's own event: afterwards the browser empties the list. */
export function entriesOf(items: DataTransferItemList): FileSystemEntry[] {
  return [...items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null)).filter((entry) => entry !== null)
}

/** Every file below `entries`, folders in the order they come. */
export async function* walk(entries: readonly FileSystemEntry[]): AsyncGenerator<Found | Problem> {
  const folders: FileSystemDirectoryEntry[] = []
  const files: FileSystemFileEntry[] = []
  for (const entry of entries) {
    if (entry.isDirectory) folders.push(entry as FileSystemDirectoryEntry)
    else files.push(entry as FileSystemFileEntry)
  }
  for (let at = 0; at < files.length; at += TOGETHER) yield* await Promise.all(files.slice(at, at + TOGETHER).map(open))
  for (const folder of folders) {
    try {
      yield* walk(await list(folder))
    } catch (error) {
      yield { name: clean(folder.fullPath), code: 'unreadable', message: `The folder cannot be read: ${said(error)}` }
    }
  }
}

/** The files of a picker. Those of a folder picker carry their path. */
export async function* picked(files: Iterable<File>): AsyncGenerator<Found> {
  for (const file of files) yield { path: file.webkitRelativePath || file.name, file }
}

/** Reads a drop to its end. `tell` hears now and then how many files were found so far. */
export async function survey(
  source: AsyncIterable<Found | Problem>,
  options: { signal?: AbortSignal; tell?: (found: number) => void } = {},
): Promise<Survey> {
  const result: Survey = { images: [], archives: [], left: [], bytes: 0, folders: new Map() }
  const breathe = breather()
  let seen = 0
  for await (const item of source) {
    options.signal?.throwIfAborted()
    place(item, result)
    seen += 1
    if (seen % 200 === 0) options.tell?.(seen)
    await breathe()
  }
  return result
}

function place(item: Found | Problem, result: Survey): void {
  if (!('file' in item)) {
    result.left.push(item)
    return
  }
  const kind = kindOf(item.path)
  if (kind === 'image') {
    const folder = folderOf(item.path)
    result.images.push(item)
    result.bytes += item.file.size
    result.folders.set(folder, (result.folders.get(folder) ?? 0) + 1)
  } else if (kind === 'archive') result.archives.push(item)
  else if (kind === 'other') {
    result.left.push({ name: item.path, code: 'not_image', message: 'Not an image by its name, so it was not sent.' })
  }
}

async function open(entry: FileSystemFileEntry): Promise<Found | Problem> {
  const path = clean(entry.fullPath)
  try {
    return { path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) }
  } catch (error) {
    return { name: path, code: 'unreadable', message: `The browser cannot read it: ${said(error)}` }
  }
}

/** A folder's entries; the browser hands them out a hundred at a time. */
async function list(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}

const clean = (path: string) => path.replace(/^\/+/, '')
const said = (error: unknown) => (error instanceof Error ? error.message : String(error))
