// Whether a project can be exported, and what is missing if not.
import type { Project } from '../../api/types'
import { ENOUGH_AUDIT } from '../learn/sentences'

export interface Need {
  done: boolean
  title: string
  text: string
}

/** What must be there, in the order of the work. */
export function needs(project: Project): Need[] {
  const { images, labelled } = project.progress
  const named = project.labels.filter((label) => !label.archived && label.count > 0).length
  return [
    { done: images > 0, title: 'Images', text: images > 0 ? `${images} are here` : 'Drop a folder on the Images page' },
    { done: named >= 2, title: 'Labels of two classes or more', text: `${labelled} labelled, ${named === 1 ? '1 class' : `${named} classes`} so far` },
    { done: project.model !== null, title: 'A model', text: project.model ? `Version ${project.model.number} is in use` : 'It comes a moment after the first labels' },
  ]
}

/** How many audit labels are missing for an accuracy worth reading; 0 when there are enough, or no more to label. */
export function auditMissing(project: Project): number {
  const { audit_images, audit_labelled } = project.progress
  return Math.max(0, Math.min(ENOUGH_AUDIT, audit_images) - audit_labelled)
}
