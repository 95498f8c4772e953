import type { Component } from 'svelte'
import { render } from 'svelte/server'
import { beforeEach, expect, test } from 'vitest'
import type { Comparison as Compared, Job, Learning, Project } from '../src/api/types'
import AgainstRandom from '../src/screens/learn/AgainstRandom.svelte'
import Comparison from '../src/screens/learn/Comparison.svelte'
import Confidence from '../src/screens/learn/Confidence.svelte'
import Jobs from '../src/screens/learn/Jobs.svelte'
import StopHint from '../src/screens/learn/StopHint.svelte'
import { project } from '../src/state/project.svelte'

/** What a card says, as one reads it: no tags, single spaces. */
function said<P extends Record<string, unknown>>(card: Component<P>, props: P): string {
  const { body } = render(card as Component, { props })
  return body.replace(/<!--.*?-->/g, '').replace(/<[^>]+>/g, ' ').replace(/&nbsp;|\s+/g, ' ').trim()
}

const replayed: NonNullable<Learning['simulated']> = {
  strategy: 'auto', head: 'blend', features: 'lite0', labels: 1200, labels_now: 1200, stale: false, chosen: 0, images: 1200, pool_images: 840,
  test_images: 360, seeds: 5, full_accuracy: 0.9, text: 'Half the labels did as well.', made_at: '2026-11-23T00:00:00Z',
  curves: ['auto', 'random'].map((strategy) => ({ strategy, labels: [10, 20], mean: [0.6, 0.9], std: [0.02, 0.02], needed: 20 })),
}
const side = (title: string, value: number) => ({ backbone: title, title, accuracy: { value, low: value - 0.1, high: value + 0.05 }, ms: 4.25, bytes: 9_600_000 })
const compared: Compared = {
  n: 100, labels: 240, audit_labelled: 100, audit_images: 120, both: 80, only_old: 2, only_new: 12, neither: 6, old: side('Lite0', 0.82), new: side('Lite1', 0.92),
  difference: { value: 0.1, low: 0.03, high: 0.17 }, p: 0.013, alpha: 0.05, needed: null, verdict: 'won', judged_at: '2026-11-23T00:00:00Z',
}
const believed: NonNullable<Learning['reliability']> = {
  ece: { value: 0.13, low: 0, high: 0.3 }, gap: { value: 0.09, low: 0.04, high: 0.14 },
  bins: [{ low: 0.8, high: 0.9, count: 12, confidence: 0.86, right: { value: 0.75, low: 0.47, high: 0.91 } }],
}
const job: Job = { id: 'a', kind: 'features', state: 'running', done: 500, total: 2000, unit: 'images', message: 'Looking', eta_seconds: 90, error: '' }

beforeEach(() => {
  project.data = { role: 'owner', labels: [] } as unknown as Project
  project.jobs = []
})

test('what choosing saves is offered to owners, and says what is missing before', () => {
  expect(said(AgainstRandom, { found: null, needs: '' })).toContain('Measure against random')
  expect(said(AgainstRandom, { found: null, needs: 'It takes 60 labels.' })).not.toContain('Measure against random')
  expect(said(AgainstRandom, { found: null, needs: 'It takes 60 labels.' })).toContain('It takes 60 labels.')
  project.data = { role: 'annotator', labels: [] } as unknown as Project
  expect(said(AgainstRandom, { found: null, needs: '' })).not.toContain('Measure against random')
})

test('what choosing saved is told in a sentence, on how many images, and whether it is old', () => {
  const told = said(AgainstRandom, { found: replayed, needs: '' })
  expect(told).toContain('Half the labels did as well.')
  expect(told).toContain('Replayed on 1,200 labelled images: 5 times from nothing')
  expect(told).not.toContain('Measured at')
  expect(said(AgainstRandom, { found: { ...replayed, stale: true }, needs: '' })).toContain('Measured at 1,200 labels')
})

test('while it is measured the card says so, and that it can be stopped', () => {
  project.jobs = [{ ...job, kind: 'replay' }]
  expect(said(AgainstRandom, { found: null, needs: '' })).toContain('It can be stopped under Jobs.')
})

test('two backbones are compared on the same images, with the interval of their difference', () => {
  const told = said(Comparison, { comparison: compared })
  expect(told).toContain('12 only Lite1 right')
  expect(told).toContain('Difference +10.0 points (+3.0 to +17.0)')
  expect(told).toContain('chance alone does as well once in 77 times')
  expect(told).toContain('4.3 ms an image · 9.6 MB of weights')
})

test('without audit images nothing is compared', () => {
  expect(said(Comparison, { comparison: { ...compared, n: 0 } })).not.toContain('Difference')
})

test('the confidence is told to be too high where it is', () => {
  expect(said(Confidence, { found: believed, model: null })).toContain('It is too sure: by 9 points of 100 on average (4 to 14).')
  expect(said(Confidence, { found: null, model: null })).toContain('Ten audit labels begin to tell.')
})

test('the hint to stop says how settled the model is', () => {
  const stop = { kappa: 0.99, bar: 0.9, near_done: true, done: false, text: 'Little changes.' }
  const needed = { labels: null, low: null, high: null, reach: null, text: 'About 100 labels more.' }
  expect(said(StopHint, { stop, needed })).toContain('Nearly there')
  expect(said(StopHint, { stop: { ...stop, done: true }, needed })).toContain('Little left to gain')
})

test('a job says how far it is and how long it takes; one that failed says why', () => {
  project.jobs = [job]
  expect(said(Jobs, {})).toContain('Looking · 500 of 2,000 images · 2 min left')
  project.jobs = [{ ...job, state: 'failed', error: 'The disk is full.' }]
  expect(said(Jobs, {})).toContain('The disk is full.')
  project.jobs = []
  expect(said(Jobs, {})).toContain('Nothing has run yet.')
})
