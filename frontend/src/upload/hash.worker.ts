// Computes SHA-256 of files off the page's thread.
import type { HashAnswer, HashQuestion } from './hasher'

addEventListener('message', async ({ data }: MessageEvent<HashQuestion>) => {
  const hashes = await Promise.all(data.files.map(sha256))
  const answer: HashAnswer = { id: data.id, hashes }
  postMessage(answer)
})

/** Hex; null for a file that cannot be read (it changed or vanished): sending it will say so. */
async function sha256(file: File): Promise<string | null> {
  try {
    const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
  } catch {
    return null
  }
}
