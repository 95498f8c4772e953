// Where the image stands in the view: a scale and an offset, changed only by these pure functions.

export interface Size {
  width: number
  height: number
}

export interface Point {
  x: number
  y: number
}

/** View pixel = image pixel × scale + offset. */
export interface Camera extends Point {
  scale: number
}

/** Free space around a fitted image, in view pixels: above and below it stand notes and tools. */
const MARGIN = { x: 24, y: 52 }
const MAX_SCALE = 32
/** Small images are enlarged to fit, but never more than this. */
const MAX_FIT = 24

/** The whole image, as large as it goes, centred. */
export function fit(image: Size, view: Size): Camera {
  const margin = marginsOf(view)
  const room = { width: Math.max(1, view.width - 2 * margin.x), height: Math.max(1, view.height - 2 * margin.y) }
  const scale = Math.min(room.width / image.width, room.height / image.height, MAX_FIT)
  return centred(scale, image, view)
}

/** Narrow windows give less away. */
function marginsOf(view: Size): Point {
  return { x: Math.min(MARGIN.x, view.width / 32), y: Math.min(MARGIN.y, view.height / 8) }
}

function centred(scale: number, image: Size, view: Size): Camera {
  return { scale, x: (view.width - image.width * scale) / 2, y: (view.height - image.height * scale) / 2 }
}

/** Zooms by a factor; the image point under `at` stays under it. Never smaller than fitted. */
export function zoom(camera: Camera, factor: number, at: Point, image: Size, view: Size): Camera {
  const least = fit(image, view)
  const scale = Math.min(Math.max(camera.scale * factor, least.scale), Math.max(MAX_SCALE, least.scale))
  if (scale <= least.scale * 1.001) return least
  const ratio = scale / camera.scale
  return held({ scale, x: at.x - (at.x - camera.x) * ratio, y: at.y - (at.y - camera.y) * ratio }, image, view)
}

export function pan(camera: Camera, by: Point, image: Size, view: Size): Camera {
  return held({ ...camera, x: camera.x + by.x, y: camera.y + by.y }, image, view)
}

/** Between the whole image and its own pixels (or closer, where those are smaller than the view). */
export function toggle(camera: Camera, at: Point, image: Size, view: Size): Camera {
  const whole = fit(image, view)
  if (!isFitted(camera, image, view)) return whole
  return zoom(whole, Math.max(1, 2.5 * whole.scale) / whole.scale, at, image, view)
}

export function isFitted(camera: Camera, image: Size, view: Size): boolean {
  return camera.scale <= fit(image, view).scale * 1.001
}

/** Keeps the image in sight: centred where it is smaller than the view, else covering it up to the margin. */
function held(camera: Camera, image: Size, view: Size): Camera {
  const margin = marginsOf(view)
  const axis = (offset: number, length: number, room: number, space: number) => {
    if (length <= room - 2 * space) return (room - length) / 2
    return Math.min(space, Math.max(room - space - length, offset))
  }
  return {
    scale: camera.scale,
    x: axis(camera.x, image.width * camera.scale, view.width, margin.x),
    y: axis(camera.y, image.height * camera.scale, view.height, margin.y),
  }
}
