// The machine in plain words: what its processor offers, which queues have a worker, and where the disk went.
import type { Disk, System, Worker } from '../../api/types'
import { bytes } from '../../parts/format'

export interface Ability {
  name: string
  /** What it is good for. */
  what: string
  present: boolean
}

type Described = readonly [code: string, name: string, what: string]
const X86: readonly Described[] = [
  ['avx2', 'AVX2', 'Eight numbers at a time'],
  ['avx512f', 'AVX-512', 'Sixteen numbers at a time'],
  ['avx512_bf16', 'AVX-512 BF16', 'Computes in bfloat16'],
  ['avx512_vnni', 'AVX-512 VNNI', 'Made for INT8 models'],
  ['avx_vnni', 'AVX-VNNI', 'Made for INT8 models'],
  ['amx_bf16', 'AMX BF16', 'Multiplies matrices in bfloat16'],
  ['amx_int8', 'AMX INT8', 'Multiplies matrices in INT8'],
]
const ARM: readonly Described[] = [
  ['arm_bf16', 'BF16', 'Computes in bfloat16'],
  ['arm_dotprod', 'Dot product', 'Made for INT8 models'],
  ['arm_i8mm', 'I8MM', 'Multiplies matrices in INT8'],
]

/** What the processor has of what changes speed, and what it lacks. What we have no name for keeps its own. */
export function abilities(present: readonly string[]): Ability[] {
  const known = present.some((code) => code.startsWith('arm_')) ? ARM : X86
  const named = known.map(([code, name, what]) => ({ name, what, present: present.includes(code) }))
  const others = present.filter((code) => !known.some((one) => one[0] === code))
  return [...named, ...others.map((code) => ({ name: code, what: '', present: true }))]
}

const PRECISIONS: Record<string, readonly [name: string, meaning: string]> = {
  f32: ['float32', 'Full precision, four bytes a number.'],
  bf16: ['bfloat16', 'Two bytes a number instead of four: quicker, a little less exact.'],
  f16: ['float16', 'Two bytes a number instead of four: quicker, a little less exact.'],
}

/** A precision's usual name, and what it means in a sentence. */
export function precision(code: string): { name: string; meaning: string } {
  const [name, meaning] = PRECISIONS[code] ?? [code, '']
  return { name, meaning }
}

export interface Queue {
  queue: string
  title: string
  what: string
  /** The living workers that take its work. */
  workers: string[]
  alive: boolean
}

const QUEUES: readonly Described[] = [
  ['learn', 'Learning', 'Fits the model after each answer and orders the queue'],
  ['bulk', 'Images', 'Takes in images and computes their features'],
  ['train', 'Exports', 'Makes and measures bundles'],
]

/** Each queue of work, and who takes it. */
export function queues(workers: readonly Worker[]): Queue[] {
  return QUEUES.map(([queue, title, what]) => {
    const taking = workers.filter((worker) => worker.alive && worker.queues.includes(queue)).map((worker) => worker.name)
    return { queue, title, what, workers: taking, alive: taking.length > 0 }
  })
}

/** What waits without these queues' workers, and what to do, commands between backticks; '' when all are served. */
export function mend(all: readonly Queue[]): string {
  const missing = all.filter((one) => !one.alive).map((one) => one.queue)
  if (missing.length === 0) return ''
  const waits = missing.includes('learn') ? 'Answers are kept, and learnt from once it is back.' : 'Its jobs wait, and nothing is lost.'
  return `${waits} \`annotator up\` starts a worker again by itself within a minute. Where workers run apart, start \`annotator worker ${missing.join(',')}\`, and read its log if it stops again.`
}

export interface DiskShares {
  ours: number
  others: number
  free: number
  /** Too little to go on with calmly. */
  tight: boolean
  /** In a sentence. */
  text: string
}

const TIGHT_BYTES = 2e9
const TIGHT_SHARE = 0.05

/** The disk cut into what is ours, what is others', and what is free; shares of 1. */
export function diskShares(disk: Disk): DiskShares {
  const total = Math.max(1, disk.total)
  const free = Math.min(1, disk.free / total)
  // A disk keeps some room for itself, and thumbnails are not counted: others' share is what is left.
  const ours = Math.min(disk.used_by_us / total, 1 - free)
  return {
    ours,
    others: Math.max(0, 1 - free - ours),
    free,
    tight: disk.free < TIGHT_BYTES || free < TIGHT_SHARE,
    text: `${bytes(disk.free)} free of ${bytes(disk.total)}`,
  }
}

/** What is wrong with the services, most pressing first; empty when all is well. */
export function troubles(system: System): string[] {
  // Workers speak through Redis: without it nothing is known of them.
  const gone = system.redis.alive ? queues(system.workers).filter((one) => !one.alive) : []
  return [
    ...(system.redis.alive ? [] : ['Redis']),
    ...gone.map((one) => `the worker for ${one.title.toLowerCase()}`),
    ...(diskShares(system.disk).tight ? ['room on the disk'] : []),
  ]
}

/** A sentence in which `commands` stand between backticks, cut into words and commands. */
export function pieces(sentence: string): { text: string; code: boolean }[] {
  return sentence.split('`').flatMap((text, at) => (text ? [{ text, code: at % 2 === 1 }] : []))
}
