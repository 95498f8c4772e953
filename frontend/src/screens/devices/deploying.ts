// Who a deployment reaches, what it will do, and how far it is, in words.
import type { Bundle, Delivery, Deployment, Device, NewDeployment, Target } from '../../api/types'
import { ago, bytes, percent, plural } from '../../parts/format'
import { full } from './standing'

export interface Choice {
  target: Target
  group: string
  /** Per cent of the devices. */
  share: number
  devices: readonly string[]
}

type Reached = Pick<Device, 'id' | 'name' | 'group' | 'state' | 'online'>

/** Devices that are let in: the only ones that anything can be sent to. */
export const present = <D extends Reached>(devices: readonly D[]): D[] => devices.filter((one) => one.state !== 'revoked')

export const groups = (devices: readonly Reached[]): string[] => [...new Set(present(devices).map((one) => one.group).filter(Boolean))].sort()

/** How many devices a share reaches: at least one. */
export const shareOf = (share: number, of: number): number => (of === 0 ? 0 : Math.max(1, Math.floor((of * share) / 100)))

/** The devices of a choice; of a share, which ones is for the server to say. */
export function chosen<D extends Reached>(choice: Choice, devices: readonly D[]): D[] {
  const all = present(devices)
  if (choice.target === 'group') return all.filter((one) => one.group === choice.group)
  if (choice.target === 'devices') return all.filter((one) => choice.devices.includes(one.id))
  return all
}

export function howMany(choice: Choice, devices: readonly Reached[]): number {
  const reached = chosen(choice, devices).length
  return choice.target === 'share' ? shareOf(choice.share, reached) : reached
}

const NAMED = 4

/** "Lobby, Gate 1 and Gate 2", "Lobby, Gate 1, Gate 2 and 5 more". */
export function listed(names: readonly string[], most = NAMED): string {
  if (names.length <= 1) return names[0] ?? ''
  const shown = names.length > most ? names.slice(0, most - 1) : names.slice(0, -1)
  return `${shown.join(', ')} and ${names.length > most ? `${names.length - shown.length} more` : names.at(-1)}`
}

/** Exactly what the button will do; '' when it would do nothing. */
export function promise(bundle: Pick<Bundle, 'number' | 'size'>, choice: Choice, devices: readonly Reached[], budget: number | null): string {
  const reached = chosen(choice, devices)
  const number = howMany(choice, devices)
  if (number === 0) return ''
  const off = reached.filter((one) => !one.online).length
  const one = number === 1
  const who =
    choice.target === 'share'
      ? `${number} of ${plural(reached.length, 'device')} (${choice.share} %), picked by the site,`
      : reached.length === 1
        ? (reached[0]?.name ?? '')
        : `${choice.target === 'group' ? `All ${number} of “${choice.group}”` : choice.target === 'all' ? `All ${number} devices` : `${number} devices`} (${listed(reached.map((device) => device.name))})`
  const back = budget === null ? 'fails there' : `fails there or takes more than ${budget} ms an image`
  return [
    `${who} ${one ? 'downloads' : 'download'} v${bundle.number} (${bytes(bundle.size)}), ${one ? 'checks' : 'check'} its signature, ${one ? 'tries' : 'try'} it on the sample images, and ${one ? 'swaps' : 'swap'} without missing an image.`,
    `A device on which it ${back} goes back by itself.`,
    choice.target === 'share' && reached.length > number ? 'The others keep what they run.' : '',
    off && choice.target !== 'share' ? (off === reached.length ? `${one ? 'It is' : 'All are'} offline now, and ${one ? 'catches' : 'catch'} up when back.` : `${off} ${off === 1 ? 'is' : 'are'} offline now and ${off === 1 ? 'catches' : 'catch'} up when back.`) : '',
  ].filter(Boolean).join(' ')
}

/** Those of a choice that run a newer bundle than this one: they are taken back to it. */
export const newerOn = <D extends Reached & Pick<Device, 'running'>>(bundle: Pick<Bundle, 'number'>, choice: Choice, devices: readonly D[]): D[] =>
  chosen(choice, devices).filter((one) => one.running !== null && one.running.number > bundle.number)

/** "v4 · model 12 · 87 % right · 14.2 MB · 2 hours ago" */
export function bundleLine(bundle: Bundle, now = Date.now()): string {
  const accuracy = bundle.report.find((row) => row.precision === bundle.recommended)?.accuracy ?? null
  return [`v${bundle.number}`, `model ${bundle.model_version}`, accuracy === null ? '' : `${percent(accuracy)} right`, bytes(bundle.size), ago(bundle.created_at, now)].filter(Boolean).join(' · ')
}

/** What to send to the server. */
export function wanted(bundle: number, choice: Choice, budget: number | null, back: boolean): NewDeployment {
  return {
    bundle,
    rollback: back,
    target: choice.target,
    group: choice.target === 'group' ? choice.group : '',
    ...(choice.target === 'share' ? { share: choice.share } : {}),
    ...(choice.target === 'devices' ? { devices: [...choice.devices] } : {}),
    ...(budget === null ? {} : { budget_ms: budget }),
  }
}

/** "all devices", "group Gates", "30 %, a canary", "Lobby". */
export function targetWords(deployment: Pick<Deployment, 'target' | 'group' | 'share' | 'deliveries'>): string {
  if (deployment.target === 'all') return 'all devices'
  if (deployment.target === 'group') return `group ${deployment.group}`
  if (deployment.target === 'share') return `${deployment.share ?? 0} %, as a canary`
  return listed(deployment.deliveries.map((one) => one.name))
}

export interface DeliveryWords {
  word: string
  tone: 'plain' | 'accent' | 'good' | 'bad'
  /** Of the whole way, between 0 and 1. */
  share: number
}

/** How much of the way each step is done when it begins. */
const WAY = { waiting: 0, downloading: 0.05, verifying: 0.7, trying: 0.8, running: 1, failed: 1, superseded: 1 } as const
const WORDS = { waiting: 'Waiting', downloading: 'Downloading', verifying: 'Verifying', trying: 'Trying', running: 'Running', failed: 'Failed', superseded: 'Not delivered' } as const

export function deliveryWords(delivery: Pick<Delivery, 'state' | 'done' | 'total'>, number: number): DeliveryWords {
  const { state } = delivery
  const tone = state === 'running' ? 'good' : state === 'failed' ? 'bad' : state === 'waiting' || state === 'superseded' ? 'plain' : 'accent'
  const loaded = state === 'downloading' && delivery.total > 0 ? Math.min(1, delivery.done / delivery.total) : 0
  return { tone, word: state === 'running' ? `Running v${number}` : WORDS[state], share: WAY[state] + loaded * (WAY.verifying - WAY.downloading) }
}

/** What failed first, then what is at it, then what waits, then what is through. */
export function byNeed(deliveries: readonly Delivery[]): Delivery[] {
  const order: Delivery['state'][] = ['failed', 'downloading', 'verifying', 'trying', 'waiting', 'running', 'superseded']
  return [...deliveries].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
}

export interface Tally {
  total: number
  running: number
  failed: number
  waiting: number
  /** Of the whole way, over all devices. */
  share: number
}

export function tally(deployment: Pick<Deployment, 'deliveries' | 'number'>): Tally {
  const { deliveries } = deployment
  const times = (state: Delivery['state']) => deliveries.filter((one) => one.state === state).length
  const way = deliveries.reduce((sum, one) => sum + deliveryWords(one, deployment.number).share, 0)
  return { total: deliveries.length, running: times('running'), failed: times('failed'), waiting: times('waiting'), share: deliveries.length ? way / deliveries.length : 1 }
}

export interface Outcome {
  word: string
  tone: 'plain' | 'accent' | 'good' | 'bad'
  text: string
  /** What can be done about it; '' when nothing must. */
  mend: string
}

/** Where a deployment stands, and what to do when it went wrong. */
export function outcome(deployment: Deployment): Outcome {
  const { total, running, failed, waiting } = tally(deployment)
  const version = `v${deployment.number}`
  const so = total === 1 ? `The device ${running ? 'runs' : 'does not run'} ${version}.` : `${running} of ${total} devices ${running === 1 ? 'runs' : 'run'} ${version}.`
  const why = full(deployment.why)
  if (deployment.state === 'halted') {
    return {
      word: 'Halted', tone: 'bad', text: `${why || 'A device failed.'} ${so}${total > running + failed ? ' The others were left alone.' : ''}`,
      mend: running ? `Roll back to take ${version} off the ${running === 1 ? 'device that runs' : 'devices that run'} it, or deploy another bundle.` : 'Every device answers with what it ran before. Mend what it says, or deploy another bundle.',
    }
  }
  if (deployment.state === 'cancelled') return { word: 'Cancelled', tone: 'plain', text: `${why} ${so}${total > running ? ' What was not reached keeps what it ran.' : ''}`.trim(), mend: '' }
  if (deployment.state === 'done') {
    return failed
      ? { word: 'Done, not everywhere', tone: 'bad', text: `${so} ${why}`.trim(), mend: `What failed answers with what it ran before. Mend it and deploy to ${failed === 1 ? 'that device' : 'those devices'} again, or roll back.` }
      : { word: 'Done', tone: 'good', text: so, mend: '' }
  }
  const word = deployment.rollback ? 'Rolling back' : 'Rolling out'
  if (total === 1) return { word, tone: 'accent', text: waiting ? 'Waits for the device to ask: within seconds when it is online.' : 'The device is at it.', mend: '' }
  const broken = failed ? ` ${failed} failed and ${failed === 1 ? 'keeps what it' : 'keep what they'} ran.` : ''
  const later = waiting ? ` ${waiting} ${waiting === 1 ? 'waits' : 'wait'} for ${waiting === 1 ? 'its device' : 'their devices'} to ask.` : ''
  return { word, tone: 'accent', text: so + broken + later, mend: '' }
}
