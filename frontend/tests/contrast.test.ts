import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

// WCAG 2.2 AA: text 4.5 to 1 (1.4.3), what one must see of a control 3 to 1 (1.4.11).
const TEXT = 4.5
const CONTROL = 3
const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8')

/** The two colours of a token, light and dark, as [red, green, blue] from 0 to 1. */
function token(name: string): [number[], number[]] {
  const value = new RegExp(`--${name}: ([^;]+);`).exec(css)?.[1] ?? ''
  const colours = value.match(/#[0-9a-f]{6}/g) ?? []
  const [light, dark = light] = colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255))
  if (!light || !dark) throw new Error(`--${name} is no colour: "${value}"`)
  return [light, dark]
}

const linear = (channel: number) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)
const luminance = ([red = 0, green = 0, blue = 0]: number[]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)

function contrast(one: number[], other: number[]): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const grounds = ['bg', 'surface', 'surface-raised', 'surface-sunken', 'canvas']
const onGrounds = (name: string) => grounds.map((ground) => [name, ground] as const)
const texts = [
  ...['text', 'text-muted', 'text-faint', 'accent-text', 'good', 'warn', 'bad'].flatMap(onGrounds),
  ['on-accent', 'accent'], ['on-accent', 'accent-hover'], ['on-accent', 'bad-fill'],
  ['accent-text', 'accent-soft'], ['text', 'accent-soft'], ['text-muted', 'accent-soft'], ['text-faint', 'accent-soft'],
  ['good', 'good-soft'], ['warn', 'warn-soft'], ['bad', 'bad-soft'],
] as const
const controls = ['control-border', 'ring', 'accent'].flatMap(onGrounds)

describe.each([{ name: 'light', theme: 0 }, { name: 'dark', theme: 1 }] as const)('in $name', ({ theme }) => {
  test.each(texts)('--%s can be read on --%s', (text, ground) => {
    expect(contrast(token(text)[theme], token(ground)[theme])).toBeGreaterThanOrEqual(TEXT)
  })

  test.each(controls)('--%s is seen on --%s', (line, ground) => {
    expect(contrast(token(line)[theme], token(ground)[theme])).toBeGreaterThanOrEqual(CONTROL)
  })
})
