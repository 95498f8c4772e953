// Why an image is asked about, with the device that it came from.
import type { Task } from '../../api/types'

/** "Torn between glass and metal", or "From Lobby: torn between glass and metal". */
export function told({ reason, device }: Pick<Task, 'reason' | 'device'>): string {
  if (!device || reason.text.includes(device.name)) return reason.text
  return `From ${device.name}: ${reason.text.charAt(0).toLowerCase()}${reason.text.slice(1)}`
}
