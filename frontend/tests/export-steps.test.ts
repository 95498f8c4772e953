import { expect, test } from 'vitest'
import { fileName, stepAt, STEPS } from '../src/screens/export/steps'

test.each([
  [0, 'Load the model and images'], [10, 'Convert to OpenVINO'], [44, 'Quantise to INT8'], [74, 'Judge each on audit images'], [100, 'Pack the bundle'],
])('at %d hundredths the export is at "%s"', (done, name) => {
  expect(STEPS[stepAt(done, true)]?.name).toBe(name)
})

test('before a worker has taken it up, no step is at work', () => {
  expect(stepAt(0, false)).toBe(-1)
})

test.each([
  ['Recycling line', 3, 'recycling-line-3'], ['  Äpfel & Birnen!  ', 1, 'apfel-birnen-1'], ['분류', 2, 'model-2'], ['--a__b--', 1, 'a__b-1'],
])('the bundle of "%s" is called after it', (project, number, expected) => {
  expect(fileName(project, number)).toBe(expected)
})
