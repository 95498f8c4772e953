import { describe, expect, test } from 'vitest'
import { fit, isFitted, pan, toggle, zoom, type Camera, type Point } from '../../src/editor/camera'

const view = { width: 1000, height: 800 }
const image = { width: 4000, height: 3000 }
const under = (camera: Camera, at: Point) => ({ x: (at.x - camera.x) / camera.scale, y: (at.y - camera.y) / camera.scale })

describe('fitting', () => {
  test('shows the whole image, centred', () => {
    const camera = fit(image, view)
    expect(camera.x).toBeGreaterThan(0)
    expect(camera.y).toBeGreaterThan(0)
    expect(camera.x * 2 + image.width * camera.scale).toBeCloseTo(view.width)
    expect(camera.y * 2 + image.height * camera.scale).toBeCloseTo(view.height)
  })

  test('enlarges a small image, within reason', () => {
    expect(fit({ width: 64, height: 64 }, view).scale).toBeGreaterThan(10)
    expect(fit({ width: 1, height: 1 }, view).scale).toBe(24)
  })
})

describe('zooming', () => {
  test('keeps the point under the pointer where it is', () => {
    const at = { x: 420, y: 390 }
    const before = fit(image, view)
    const after = zoom(before, 3, at, image, view)
    expect(after.scale).toBeCloseTo(before.scale * 3)
    expect(under(after, at).x).toBeCloseTo(under(before, at).x, 3)
    expect(under(after, at).y).toBeCloseTo(under(before, at).y, 3)
  })

  test('out never goes beyond the whole image', () => {
    const camera = zoom(fit(image, view), 0.1, { x: 0, y: 0 }, image, view)
    expect(camera).toEqual(fit(image, view))
  })

  test('in ends at 32 screen pixels an image pixel', () => {
    let camera = fit(image, view)
    for (let turn = 0; turn < 60; turn += 1) camera = zoom(camera, 1.5, { x: 500, y: 400 }, image, view)
    expect(camera.scale).toBe(32)
  })
})

describe('panning', () => {
  test('does not move an image that is wholly seen', () => {
    const camera = fit(image, view)
    const moved = pan(camera, { x: 200, y: -300 }, image, view)
    expect(moved.x).toBeCloseTo(camera.x)
    expect(moved.y).toBeCloseTo(camera.y)
  })

  test('moves a zoomed image, but never out of sight', () => {
    const close = zoom(fit(image, view), 4, { x: 500, y: 400 }, image, view)
    expect(pan(close, { x: -50, y: 0 }, image, view).x).toBeCloseTo(close.x - 50)
    const far = pan(close, { x: -100_000, y: 100_000 }, image, view)
    expect(far.x + image.width * far.scale).toBeGreaterThan(view.width / 2)
    expect(far.y).toBeLessThan(view.height / 2)
  })
})

test('a double click goes close, and a second one shows the whole again', () => {
  const whole = fit(image, view)
  const close = toggle(whole, { x: 300, y: 300 }, image, view)
  expect(isFitted(close, image, view)).toBe(false)
  expect(close.scale).toBeCloseTo(1)
  expect(toggle(close, { x: 10, y: 10 }, image, view)).toEqual(whole)
})
