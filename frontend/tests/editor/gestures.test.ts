import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Gestures, wheelFactor } from '../../src/editor/gestures'

const effects = { pan: vi.fn(), zoom: vi.fn(), swiping: vi.fn(), swiped: vi.fn(), settled: vi.fn() }
let fitted = true
let gestures: Gestures

beforeEach(() => {
  vi.resetAllMocks()
  fitted = true
  gestures = new Gestures(effects, () => fitted)
})

describe('one finger on a fitted image', () => {
  test('swipes: far enough counts', () => {
    gestures.down(1, { x: 100, y: 100 }, true)
    gestures.move(1, { x: 220, y: 110 })
    gestures.up(1)
    expect(effects.swiping).toHaveBeenLastCalledWith('right', 1, { x: 120, y: 10 })
    expect(effects.swiped).toHaveBeenCalledWith('right')
    expect(effects.pan).not.toHaveBeenCalled()
  })

  test('swipes: too short does not count, and the image goes back', () => {
    gestures.down(1, { x: 100, y: 100 }, true)
    gestures.move(1, { x: 140, y: 100 })
    gestures.up(1)
    expect(effects.swiped).not.toHaveBeenCalled()
    expect(effects.settled).toHaveBeenCalled()
  })

  test('a swipe that the browser takes over does not count', () => {
    gestures.down(1, { x: 100, y: 100 }, true)
    gestures.move(1, { x: 300, y: 100 })
    gestures.cancel(1)
    expect(effects.swiped).not.toHaveBeenCalled()
  })
})

test('one finger on a zoomed image pans', () => {
  fitted = false
  gestures.down(1, { x: 100, y: 100 }, true)
  gestures.move(1, { x: 130, y: 90 })
  gestures.up(1)
  expect(effects.pan).toHaveBeenCalledWith({ x: 30, y: -10 })
  expect(effects.swiped).not.toHaveBeenCalled()
})

test('the mouse never swipes', () => {
  gestures.down(1, { x: 100, y: 100 }, false)
  gestures.move(1, { x: 400, y: 100 })
  gestures.up(1)
  expect(effects.swiped).not.toHaveBeenCalled()
})

test('two fingers zoom between them, and lifting one does not swipe', () => {
  gestures.down(1, { x: 100, y: 100 }, true)
  gestures.down(2, { x: 200, y: 100 }, true)
  gestures.move(2, { x: 300, y: 100 })
  expect(effects.zoom).toHaveBeenCalledWith(2, { x: 200, y: 100 })
  gestures.up(2)
  gestures.move(1, { x: 500, y: 100 })
  gestures.up(1)
  expect(effects.swiped).not.toHaveBeenCalled()
  expect(gestures.busy).toBe(false)
})

test('turning the wheel back undoes the zoom', () => {
  const inwards = wheelFactor({ deltaY: -120, deltaMode: 0, ctrlKey: false })
  const outwards = wheelFactor({ deltaY: 120, deltaMode: 0, ctrlKey: false })
  expect(inwards).toBeGreaterThan(1)
  expect(inwards * outwards).toBeCloseTo(1)
})
