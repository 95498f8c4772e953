import { describe, expect, test } from 'vitest'
import type { System } from '../src/api/types'
import { abilities, diskShares, mend, pieces, precision, queues, troubles } from '../src/screens/system/machine'

const worker = (name: string, alive = true) => ({ name: `${name}@here`, queues: name.split('-'), alive })
const disk = { total: 100e9, free: 40e9, used_by_us: 5e9 }

describe('the processor', () => {
  test('what it lacks is told beside what it has', () => {
    const all = abilities(['avx2', 'avx512f'])
    expect(all.filter((one) => one.present).map((one) => one.name)).toEqual(['AVX2', 'AVX-512'])
    expect(all.filter((one) => !one.present).map((one) => one.name)).toContain('AMX INT8')
  })

  test('an Arm processor is not told that it lacks AVX', () => {
    expect(abilities(['arm_dotprod']).map((one) => one.name)).toEqual(['BF16', 'Dot product', 'I8MM'])
  })

  test('a feature that has no name here is shown by its own', () => {
    expect(abilities(['avx2', 'avx10'])).toContainEqual({ name: 'avx10', what: '', present: true })
  })

  test('a precision has its usual name', () => {
    expect(precision('bf16').name).toBe('bfloat16')
    expect(precision('int4').name).toBe('int4')
  })
})

describe('workers', () => {
  test('a worker that takes two queues serves both', () => {
    expect(queues([worker('learn'), worker('bulk-train')]).map((one) => one.alive)).toEqual([true, true, true])
  })

  test('a worker that is gone serves none', () => {
    expect(queues([worker('learn', false), worker('bulk-train')]).map((one) => one.alive)).toEqual([false, true, true])
  })

  test('the mend names the queues that nobody takes', () => {
    expect(mend(queues([worker('learn')]))).toContain('annotator worker bulk,train')
    expect(mend(queues([worker('learn'), worker('bulk'), worker('train')]))).toBe('')
  })
})

describe('the disk', () => {
  test('its shares make up the whole', () => {
    const shares = diskShares(disk)
    expect(shares.ours + shares.others + shares.free).toBeCloseTo(1)
    expect(shares.tight).toBe(false)
  })

  test('more of ours than is taken (features on another disk) does not run over', () => {
    const shares = diskShares({ total: 100, free: 90, used_by_us: 50 })
    expect(shares.ours).toBeCloseTo(0.1)
    expect(shares.others).toBe(0)
  })

  test('little room is said', () => {
    expect(diskShares({ ...disk, free: 1e9 }).tight).toBe(true)
  })
})

test('troubles are empty when all is well, and name what is missing', () => {
  const system = {
    redis: { alive: true, version: '7' },
    workers: [worker('learn'), worker('bulk-train')],
    disk,
  } as unknown as System
  expect(troubles(system)).toEqual([])
  expect(troubles({ ...system, workers: [worker('learn')] })).toEqual(['the worker for images', 'the worker for exports'])
  expect(troubles({ ...system, redis: { alive: false, version: null }, workers: [] })).toEqual(['Redis'])
})

test('commands in a sentence are told apart', () => {
  expect(pieces('Run `pip install x`.')).toEqual([
    { text: 'Run ', code: false }, { text: 'pip install x', code: true }, { text: '.', code: false },
  ])
})
