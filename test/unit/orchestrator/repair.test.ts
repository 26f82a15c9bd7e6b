import { expect, test } from 'vitest'
import type { MissingParent } from '../../../ledger/parked.ts'
import { repairRanges } from '../../../orchestrator/repair.ts'
import { progressOf } from './progress.ts'

const person = progressOf('person', { carries: ['email'], state: 'closed' })
const group = progressOf('group', { state: 'closed' })
const missing = (externalId: string | null, facts: Partial<MissingParent> = {}) =>
  ({ parent: 'person', externalId, status: 'unasked', ...facts }) as const

test('each parent entity gets one range of the distinct ids, with what its pages carry', () => {
  const wanted = [missing('1'), missing('2'), missing('1'), missing('7', { parent: 'group' })]
  expect(repairRanges([person, group], wanted)).toEqual([
    { spec: { entity: 'person', walk: { kind: 'ids', ids: ['1', '2'] }, carries: ['email'] }, counted: false },
    { spec: { entity: 'group', walk: { kind: 'ids', ids: ['7'] }, carries: [] }, counted: false },
  ])
})

test('no more than 500 are asked for', () => {
  const [range] = repairRanges(
    [person],
    Array.from({ length: 600 }, (_, n) => missing(`${n}`)),
  )
  expect(range?.spec.walk).toMatchObject({ ids: { length: 500 } })
})

test('nothing is asked for whose id is not known, which has died, was asked for, or is of an entity that has not ended', () => {
  const others = [
    missing(null),
    missing('1', { status: 'dead' }),
    missing('2', { status: 'absent' }),
    missing('3', { status: 'asked' }),
  ]
  expect(repairRanges([person], others)).toEqual([])
  expect(repairRanges([group], [missing('1')])).toEqual([])
})
