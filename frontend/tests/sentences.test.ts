import { expect, test } from 'vitest'
import type { Counts } from '../src/api/types'
import { believed, mixUps, verdict } from '../src/screens/learn/sentences'

const counts = (audit_images: number, audit_labelled: number): Counts => ({
  images: 500, featured: 500, labelled: 80, audit_images, audit_labelled, skipped: 0, flagged: 0, unlabelled: 420,
})

test('with enough audit labels it says how often the model is right, and how sure that is', () => {
  expect(verdict({ value: 0.871, low: 0.79, high: 0.93, n: 64 }, counts(80, 64))).toEqual({
    of100: 87,
    title: 'Right on about 87 of 100 images',
    text: 'Between 79 and 93, judged on 64 audit images that it never learns from.',
  })
})

test('with too few it gives no number, but how many are missing', () => {
  const told = verdict({ value: 1, low: 0.6, high: 1, n: 5 }, counts(80, 5))
  expect(told.of100).toBeNull()
  expect(told.text).toBe('So far between 60 and 100 of 100, from 5 audit images. 25 more audit labels and it can be said. They come by themselves while you label.')
})

test('without any it says so', () => {
  expect(verdict(null, counts(80, 0))).toMatchObject({ of100: null, title: 'Not judged yet' })
})

test('when there are not enough audit images at all, it asks for more images', () => {
  expect(verdict({ value: 1, low: 0.6, high: 1, n: 5 }, counts(12, 5)).text).toContain('Label the last 7 audit images and add more images')
  expect(verdict({ value: 1, low: 0.6, high: 1, n: 12 }, counts(12, 12)).text).toContain('All audit images are labelled')
  expect(verdict(null, counts(0, 0)).text).toContain('No image has been put aside')
})

test('mix-ups are listed most often first, right answers left out', () => {
  expect(mixUps([[9, 1, 0], [3, 5, 0], [0, 1, 1]])).toEqual([
    { row: 1, column: 0, times: 3, of: 8 },
    { row: 2, column: 1, times: 1, of: 2 },
    { row: 0, column: 1, times: 1, of: 10 },
  ])
})

test.each([
  [{ value: 0.08, low: 0.03, high: 0.14 }, 'It is too sure: by 8 points of 100 on average (3 to 14).'],
  [{ value: -0.06, low: -0.11, high: -0.01 }, 'It is better than it says: by 6 points of 100 on average (1 to 11).'],
  [{ value: 0.01, low: -0.04, high: 0.05 }, 'As far as can be told it is right about as often as it says.'],
  [{ value: 0.05, low: -0.08, high: 0.22 }, 'So far it is not known to be too sure or too modest; few audit labels leave room for 22 points of 100.'],
])('how far confidence can be believed is said with what is not known', (gap, sentence) => {
  expect(believed({ gap, ece: gap, bins: [] })).toBe(sentence)
})
