// What devices warn of.
import type { Alert } from '../../api/types'

export const ALERTS: Record<Alert['kind'], string> = {
  drift_confidence: 'Confidence has shifted',
  drift_features: 'Images look different',
  slow: 'Too slow',
  failed: 'Failed',
  offline: 'Offline',
  disk: 'Disk nearly full',
}

/** Those that nobody has looked at and that still hold come first, then the newest. */
export function inOrder<A extends Pick<Alert, 'closed_at' | 'seen_at' | 'opened_at'>>(alerts: readonly A[]): A[] {
  const rank = (alert: A) => (alert.closed_at ? 2 : alert.seen_at ? 1 : 0)
  return [...alerts].sort((a, b) => rank(a) - rank(b) || b.opened_at.localeCompare(a.opened_at))
}

export const isNew = (alert: Pick<Alert, 'closed_at' | 'seen_at'>) => !alert.closed_at && !alert.seen_at
