// What a device measured before it took a bundle.
import { percent } from '../../parts/format'

/** "14.2 ms an image of 40 allowed · 100 % as expected"; '' when nothing was measured. */
export function measuredWords(measured: Record<string, unknown> | null): string {
  const number = (key: string) => (typeof measured?.[key] === 'number' ? measured[key] : null)
  const [p50, budget, agreement] = [number('p50_ms'), number('budget_ms'), number('agreement')]
  return [
    p50 === null ? '' : `${p50.toFixed(1)} ms an image${budget === null ? '' : ` of ${budget} allowed`}`,
    agreement === null ? '' : `${percent(agreement)} of the sample answers as expected`,
  ].filter(Boolean).join(' · ')
}
