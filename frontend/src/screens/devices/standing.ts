// How a device is doing, in a word and a sentence.
import type { Device } from '../../api/types'
import { ago, bytes } from '../../parts/format'

export interface Standing {
  /** For filters and tests. */
  code: 'revoked' | 'offline' | 'failed' | 'working' | 'running' | 'idle'
  tone: 'plain' | 'accent' | 'good' | 'warn' | 'bad'
  word: string
  text: string
  /** How far it is with what it is doing, between 0 and 1; null while that is not known; undefined when it does nothing. */
  share?: number | null
}

type Told = Pick<Device, 'state' | 'online' | 'why' | 'last_seen' | 'enrolled_at' | 'running' | 'wanted' | 'progress'>

const WORK = { downloading: 'Downloading', verifying: 'Verifying', trying: 'Trying' } as const
const DAY_MS = 86_400_000

/** "14:05" today, "Tue 14:05" this week, else "3 Mar". `zone` is the browser's unless told. */
export function since(iso: string, now = Date.now(), zone?: string): string {
  const at = new Date(iso)
  const day = (time: Date | number) => new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(time)
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(at)
  if (day(at) === day(now)) return clock
  if (now - at.getTime() < 6 * DAY_MS) return `${new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: zone }).format(at)} ${clock}`
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: zone }).format(at)
}

/** "v3 goes on answering." or that nothing runs yet. */
const meanwhile = ({ running }: Told) => (running ? `v${running.number} goes on answering.` : 'Nothing runs there yet.')

/** The bundle that it shall run and does not yet. */
export const awaited = ({ running, wanted }: Pick<Told, 'running' | 'wanted'>) => (wanted && wanted.bundle !== running?.bundle ? wanted : null)

export function standing(device: Told, now = Date.now()): Standing {
  const { state, running, wanted, progress } = device
  const next = awaited(device)
  if (state === 'revoked') {
    return { code: 'revoked', tone: 'plain', word: 'Revoked', text: 'It is not let in any more. What it runs goes on there until somebody stops it.' }
  }
  if (!device.online) {
    if (!device.last_seen) return { code: 'offline', tone: 'plain', word: 'Enrolled', text: `Enrolled ${ago(device.enrolled_at, now)}, and not heard of since.` }
    const later = next ? ` It gets v${next.number} when it is back.` : ''
    const last = running ? `It last ran v${running.number}.` : 'Nothing ran there.'
    return { code: 'offline', tone: 'warn', word: `Offline since ${since(device.last_seen, now)}`, text: last + later }
  }
  if (state === 'failed') {
    return { code: 'failed', tone: 'bad', word: 'Failed', text: `${full(device.why) || 'It did not say why.'} ${meanwhile(device)}` }
  }
  if (state === 'downloading' || state === 'verifying' || state === 'trying') {
    const known = state === 'downloading' && progress !== null && progress.total > 0
    const amount = known ? `${bytes(progress.done)} of ${bytes(progress.total)}. ` : ''
    const doing = { downloading: amount, verifying: 'Checks the signature and every file. ', trying: 'Answers the sample images of the bundle and takes the time. ' }[state]
    const share = known ? progress.done / progress.total : null
    return { code: 'working', tone: 'accent', word: `${WORK[state]} ${wanted ? `v${wanted.number}` : 'a bundle'}`, text: doing + meanwhile(device), share }
  }
  if (running) {
    const on = running.on ? ` on ${running.on}` : ''
    const text = [running.precision, running.since ? `since ${since(running.since, now)}` : ''].filter(Boolean).join(', ')
    return { code: 'running', tone: 'good', word: `Running v${running.number}${on}`, text: next ? `v${next.number} is on its way.` : full(text) }
  }
  return { code: 'idle', tone: 'accent', word: 'Online', text: next ? `v${next.number} is on its way.` : 'Ready. Nothing has been deployed to it yet.' }
}

/** A reason as a sentence: ends with a full stop. */
export function full(text: string): string {
  const said = text.trim()
  return said && !/[.!?]$/.test(said) ? `${said}.` : said
}

/** "4 online · 1 offline · 1 failed", of those that are still let in. */
export function roll(devices: readonly Told[], now = Date.now()): string {
  const codes = devices.map((one) => standing(one, now).code).filter((code) => code !== 'revoked')
  const times = (code: Standing['code']) => codes.filter((one) => one === code).length
  const [offline, failed, working] = [times('offline'), times('failed'), times('working')]
  return [
    `${codes.length - offline} online`,
    offline ? `${offline} offline` : '',
    working ? `${working} updating` : '',
    failed ? `${failed} failed` : '',
  ].filter(Boolean).join(' · ')
}
