// What a device may send home, in words for whoever stands before its camera.
import type { Privacy } from '../../api/types'

export interface Level {
  value: Privacy
  name: string
  text: string
}

export const LEVELS: readonly Level[] = [
  { value: 'nothing', name: 'Nothing', text: 'No image and nothing about a single image leaves the device. Only counts and speeds come home: how many answers of which class, how sure, how fast.' },
  { value: 'features', name: 'Numbers only', text: 'Of hard images, the numbers that the model sees come home: enough to notice drift, not meant to show a picture. They cannot be labelled. A determined expert may still learn something about a picture from them.' },
  { value: 'blurred', name: 'Images, faces blurred', text: 'Hard images come home to be labelled, with every face that is found blurred on the device before anything is kept. A detector can miss a face; badges, screens and number plates are not blurred.' },
  { value: 'images', name: 'Images as they are', text: 'Hard images come home as the camera saw them, to be labelled. Whoever may see this project sees them.' },
]

export const levelName = (value: Privacy) => LEVELS.find((level) => level.value === value)?.name ?? value
