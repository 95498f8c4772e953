// The steps of an export, and how far into it (in hundredths) each begins.
export interface Step {
  from: number
  name: string
}

export const STEPS: readonly Step[] = [
  { from: 0, name: 'Load the model and images' },
  { from: 10, name: 'Convert to OpenVINO' },
  { from: 20, name: 'Quantise to INT8' },
  { from: 45, name: 'Write the models' },
  { from: 50, name: 'Judge each on audit images' },
  { from: 75, name: 'Compare with the full model' },
  { from: 85, name: 'Measure speed on this machine' },
  { from: 95, name: 'Pack the bundle' },
]

/** The step that is at work when so many hundredths are done; -1 before it began. */
export function stepAt(done: number, started: boolean): number {
  return started ? STEPS.findLastIndex((step) => done >= step.from) : -1
}

/** What the server calls the downloaded file: letters, digits and hyphens of the project's name, and the number. */
export function fileName(project: string, number: number): string {
  const plain = project.normalize('NFKD').replace(/[^\x20-\x7e]/g, '').toLowerCase()
  const slug = plain.replace(/[^\w\s-]/g, '').trim().replace(/[-\s]+/g, '-').replace(/^[-_]+|[-_]+$/g, '')
  return `${slug.slice(0, 60) || 'model'}-${number}`
}
