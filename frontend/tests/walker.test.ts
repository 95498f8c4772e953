import { expect, test } from 'vitest'
import { kindOf, folderOf } from '../src/upload/found'
import { picked, survey, walk } from '../src/upload/walker'

/** A folder as the browser's drop gives it: hands out at most `page` entries at a time. */
function folder(path: string, children: FileSystemEntry[], page = 100): FileSystemEntry {
  const entry = {
    isDirectory: true,
    isFile: false,
    fullPath: path,
    createReader() {
      let at = 0
      return { readEntries: (done: (some: FileSystemEntry[]) => void) => done(children.slice(at, (at += page))) }
    },
  }
  return entry as unknown as FileSystemEntry
}

function file(path: string, size = 3): FileSystemEntry {
  const entry = {
    isDirectory: false,
    isFile: true,
    fullPath: path,
    file: (done: (file: File) => void) => done(new File(['x'.repeat(size)], path.split('/').at(-1) ?? '')),
  }
  return entry as unknown as FileSystemEntry
}

function broken(path: string, isDirectory: boolean): FileSystemEntry {
  const fail = (_: unknown, refuse: (error: Error) => void) => refuse(new Error('permission denied'))
  return { isDirectory, isFile: !isDirectory, fullPath: path, file: fail, createReader: () => ({ readEntries: fail }) } as unknown as FileSystemEntry
}

test('a folder of many pages of entries is walked to its end', async () => {
  const many = Array.from({ length: 1234 }, (_, at) => file(`/glass/${at}.jpg`))
  const found = await survey(walk([folder('/glass', many)]))
  expect(found.images).toHaveLength(1234)
  expect(found.images[0]?.path).toBe('glass/0.jpg')
  expect(found.folders).toEqual(new Map([['glass', 1234]]))
  expect(found.bytes).toBe(1234 * 3)
})

test('images are counted by the folder they lie in, however deep', async () => {
  const tree = folder('/trash', [
    folder('/trash/glass', [file('/trash/glass/1.jpg'), file('/trash/glass/2.jpg')]),
    folder('/trash/paper', [folder('/trash/paper/old', [file('/trash/paper/old/3.png')])]),
  ])
  const found = await survey(walk([tree, file('/4.webp')]))
  expect(found.folders).toEqual(new Map([['', 1], ['glass', 2], ['old', 1]]))
})

test('zips are kept apart, other files are listed, and what the system leaves behind is passed over', async () => {
  const tree = folder('/in', [file('/in/a.zip'), file('/in/readme.txt'), file('/in/.DS_Store'), file('/in/Thumbs.db'), file('/in/1.jpg')])
  const found = await survey(walk([tree]))
  expect(found.archives.map((item) => item.path)).toEqual(['in/a.zip'])
  expect(found.left.map((item) => item.name)).toEqual(['in/readme.txt'])
  expect(found.images.map((item) => item.path)).toEqual(['in/1.jpg'])
})

test('what cannot be read is listed with its reason, and the rest goes on', async () => {
  const found = await survey(walk([broken('/locked', true), broken('/torn.jpg', false), file('/1.jpg')]))
  expect(found.images).toHaveLength(1)
  expect(found.left.map((item) => [item.name, item.code])).toEqual([['torn.jpg', 'unreadable'], ['locked', 'unreadable']])
  expect(found.left[0]?.message).toContain('permission denied')
})

test('walking can be stopped', async () => {
  const stop = new AbortController()
  stop.abort()
  await expect(survey(walk([file('/1.jpg')]), { signal: stop.signal })).rejects.toThrow()
})

test('picked files keep the path that a folder picker gives them', async () => {
  const inFolder = new File(['x'], '1.jpg')
  Object.defineProperty(inFolder, 'webkitRelativePath', { value: 'glass/1.jpg' })
  const found = await survey(picked([inFolder, new File(['x'], '2.jpg')]))
  expect(found.images.map((item) => item.path)).toEqual(['glass/1.jpg', '2.jpg'])
})

test.each([
  ['a.JPG', 'image'], ['scan', 'image'], ['x/y.tiff', 'image'], ['data.ZIP', 'archive'], ['labels.csv', 'other'],
  ['__MACOSX/a.jpg', 'clutter'], ['x/._a.jpg', 'clutter'], ['.gitignore', 'clutter'],
])('%s is taken for %s by its name', (path, kind) => {
  expect(kindOf(path)).toBe(kind)
})

test('the class of a file is the folder right above it', () => {
  expect([folderOf('a/glass/1.jpg'), folderOf('1.jpg')]).toEqual(['glass', ''])
})
