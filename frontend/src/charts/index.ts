// Small charts in SVG, each with a read-out for mouse and keyboard and its numbers as a table.
export { default as AccuracyCurve } from './AccuracyCurve.svelte'
export { default as BarChart, type Bar } from './BarChart.svelte'
export { default as HeatMap, type HeatLabel } from './HeatMap.svelte'
export { default as Interval } from './Interval.svelte'
export { default as LineChart, type LineSeries } from './LineChart.svelte'
export { default as RowBars, type RowBar } from './RowBars.svelte'
export { default as Reliability, type ReliabilityBin } from './Reliability.svelte'
