// Changes to the classes of the open project: shown at once, sent, and taken back when the server says no.
import * as calls from '../../api/calls'
import type { Label, LabelChanges, NewLabel } from '../../api/types'
import { project } from '../../state/project.svelte'
import { toasts } from '../../state/toasts.svelte'
import { moved } from './order'

/** Changes one class. The answer is whether it held. */
export async function changeLabel(label: Label, changes: LabelChanges): Promise<boolean> {
  if (project.id === null) return false
  const before = { ...label }
  Object.assign(label, changes)
  try {
    Object.assign(label, await calls.updateLabel(project.id, label.id, changes))
    return true
  } catch (error) {
    Object.assign(label, before)
    toasts.bad(error)
    return false
  }
}

/** Adds a class at the end; throws what the server says against it. */
export async function addLabel(label: NewLabel): Promise<void> {
  if (project.id === null) return
  project.data?.labels.push(await calls.addLabel(project.id, label))
}

/** Moves a class to another place in the list, and tells the server of each whose place changed. */
export async function moveLabel(from: number, to: number): Promise<void> {
  const order = moved(project.labels, from, to)
  const places = order.flatMap((label, at) => (label.position === at + 1 ? [] : [{ label, position: at + 1 }]))
  // All are shown in their new places before the first request is answered.
  const told = places.map(({ label, position }) => changeLabel(label, { position }))
  if ((await Promise.all(told)).includes(false)) await project.reload()
}
