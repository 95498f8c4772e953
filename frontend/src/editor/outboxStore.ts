// Where unsent answers survive a reload: one IndexedDB table.
import type { NewAnnotation } from '../api/types'

export interface Entry {
  /** The annotation's own id. */
  id: string
  user: number
  project: number
  body: NewAnnotation
  /** Order of giving. */
  at: number
  state: 'pending' | 'failed'
  /** Why it failed, in the server's words. */
  problem: string | null
  /** For the list of failed ones. */
  thumb: string
}

export interface Store {
  all: () => Promise<Entry[]>
  put: (entry: Entry) => Promise<void>
  remove: (id: string) => Promise<void>
}

export async function openStore(name = 'edge-annotator'): Promise<Store> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('outbox', { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('The browser gives no storage.'))
  })
  const run = <T>(mode: IDBTransactionMode, act: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction('outbox', mode)
      const request = act(transaction.objectStore('outbox'))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error('The browser could not store this.'))
    })
  return {
    all: async () => (await run('readonly', (table) => table.getAll() as IDBRequest<Entry[]>)).sort((a, b) => a.at - b.at),
    put: async (entry) => void (await run('readwrite', (table) => table.put(entry))),
    remove: async (id) => void (await run('readwrite', (table) => table.delete(id))),
  }
}
