// API tokens in words: what each scope allows, how long one lasts, how it was used.
import type { Token } from '../../api/types'
import { ago } from '../../parts/format'

export type Scope = Token['scopes'][number]

export const SCOPES: readonly { scope: Scope; name: string; allows: string }[] = [
  { scope: 'read', name: 'Read', allows: 'Look at projects, images, labels and models, and download bundles.' },
  { scope: 'label', name: 'Label', allows: 'Take images from the queue and answer them.' },
  { scope: 'manage', name: 'Manage', allows: 'Make and change projects, classes and members, bring in and remove images, export.' },
]

export const scopeName = (scope: Scope) => SCOPES.find((one) => one.scope === scope)?.name ?? scope

export const LIFETIMES = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
] as const
export type Lifetime = (typeof LIFETIMES)[number]['value']

const DAY_MS = 86_400_000
const SOON_DAYS = 7

/** Whether a token still opens the door, and for how long. */
export function expiry(token: Pick<Token, 'expires_at'>, now = Date.now()): { state: 'good' | 'soon' | 'over'; text: string } {
  const left = Date.parse(token.expires_at) - now
  if (left <= 0) return { state: 'over', text: `Expired ${ago(token.expires_at, now)}` }
  return { state: left < SOON_DAYS * DAY_MS ? 'soon' : 'good', text: `Expires ${ago(token.expires_at, now)}` }
}

export const lastUse = (token: Pick<Token, 'last_used_at'>, now = Date.now()) =>
  token.last_used_at ? `Used ${ago(token.last_used_at, now)}` : 'Never used'

/** A first request to try a token with. */
export const example = (secret: string, origin: string) => `curl -H "Authorization: Bearer ${secret}" ${origin}/api/projects`
