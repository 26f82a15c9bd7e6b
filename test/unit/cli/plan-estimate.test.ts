import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimateRun, type Known } from '../../../cli/plan-estimate.ts'
import { entityLines, planLine, planText } from '../../../cli/plan-text.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { planEntities } from '../../../manifests/plan.ts'
import { plannedEntity } from '../../harness/planned-entity.ts'

const limit = { requests: 100, periodMs: 20_000 }
const options = { limit, pageSize: 100 }
const counted = (total: number): Known => ({ by: 'count', total })
const lasted = (tookMs: number, calls = 10): Known => ({
  by: 'history',
  last: { runId: 'r', ranges: 1, calls, records: 900, tookMs },
})

const oneOf = (known: Known, more: Parameters<typeof plannedEntity>[1] = {}) =>
  estimateRun([plannedEntity('person', more)], new Map([['person', known]]), options).entities.get('person')

describe('before the first run', () => {
  test('a keyset walk costs its pages, an end for each range, and three requests that prove it', () => {
    expect(oneOf(counted(5_000))).toMatchObject({ by: 'count', ranges: 2, calls: 50 + 2 + 3, records: 5_000, tookMs: 11_000 })
    expect(oneOf(counted(1_000_000))).toMatchObject({ ranges: 8 })
  })

  test('a keyset walk over nothing is one request, of changes it needs no proof', () => {
    expect(oneOf(counted(0))).toMatchObject({ calls: 1, records: 0 })
    expect(oneOf(counted(150), { changes: { field: 'updated_at', since: 'x', direction: 'up' } })).toMatchObject({ calls: 3 })
  })

  test('a walk by offset is one range; one below parents a request for each, and nobody knows how many records', () => {
    expect(oneOf(counted(501), { paging: { kind: 'offset', order: null, mutable: true } })).toMatchObject({ ranges: 1, calls: 7 })
    const below = oneOf(counted(125), { paging: { kind: 'parents', parent: 'group' } })
    expect(below).toMatchObject({ ranges: 7, calls: 125, records: null })
  })
})

test('what was read before costs what it cost, whatever it is', () => {
  expect(oneOf(lasted(4_200, 56))).toEqual({ by: 'history', ranges: 1, calls: 56, records: 900, tookMs: 4_200 })
})

test('what nobody knows is told, and makes the sums a least', () => {
  const plan = [plannedEntity('a'), plannedEntity('b')]
  const known = new Map<string, Known>([
    ['a', counted(100)],
    ['b', { by: 'nothing', why: 'no permission' }],
  ])
  const estimate = estimateRun(plan, known, options)
  expect(estimate).toMatchObject({ calls: 5, etaMs: 1_000, unknown: ['b'] })
  const facts = { run: { orgId: 'o', source: 's', strategy: 'full' as const }, plan, known, limit, estimate }
  const text = planText(facts, { width: 200 })
  expect(text).toContain('at least 5 calls')
  expect(text).toContain('no permission')
  expect(entityLines(facts)[1]).toMatchObject({ entity: 'b', calls: null, unknownBecause: 'no permission' })
  expect(planLine(facts)).toMatchObject({ calls: 5, unknown: ['b'] })
})

describe('the time of a run', () => {
  const chain = [
    plannedEntity('a'),
    plannedEntity('b', { hard: ['a'] }),
    plannedEntity('c'),
    plannedEntity('d', { hard: ['b'], carrier: 'b' }),
  ]
  const took = (a: number, b: number, c: number, d: number, calls = 10) =>
    new Map([a, b, c, d].map((ms, i) => [chain[i]?.entity ?? '', lasted(ms, calls)]))

  test('is that of the longest chain: one entity begins when what it depends on has ended, a carried one with its carrier', () => {
    expect(estimateRun(chain, took(9_000, 8_000, 1_000, 7_000), options).etaMs).toBe(17_000)
    expect(estimateRun(chain, took(9_000, 8_000, 30_000, 8_500), options).etaMs).toBe(30_000)
    expect(estimateRun(chain, took(9_000, 8_000, 1_000, 8_500), options).etaMs).toBe(17_500)
  })

  test('is never less than the limit lets so many calls take, and is not known without either', () => {
    expect(estimateRun(chain, took(10, 10, 10, 10, 1_000), options)).toMatchObject({ etaMs: 800_000, share: 1 })
    const none = estimateRun([plannedEntity('a')], new Map([['a', counted(100)]]), { ...options, limit: null })
    expect(none).toMatchObject({ calls: 5, etaMs: null, share: null })
  })

  test('tells which part of the limit is used in it', () => {
    expect(estimateRun([plannedEntity('a')], new Map([['a', lasted(40_000, 50)]]), options).share).toBeCloseTo(0.25)
  })
})

test('of any selection the shares of the entities are that of the run, and tiers rise', () => {
  const names = pcoManifest.definitions.map(({ entity }) => entity)
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 1 }), fc.nat(100_000), (selection, total) => {
      const plan = planEntities(pcoManifest, selection, { strategy: 'reconcile' })
      const known = new Map(
        plan.map(({ entity, carrier }) => [entity, carrier === null ? counted(total) : { by: 'carrier' }] as [string, Known]),
      )
      const estimate = estimateRun(plan, known, options)
      const lines = entityLines({ run: { orgId: 'o', source: 's', strategy: 'reconcile' }, plan, known, limit, estimate })
      expect(lines.map(({ entity }) => entity).toSorted()).toEqual(plan.map(({ entity }) => entity).toSorted())
      expect(lines.map(({ tier }) => tier)).toEqual(lines.map(({ tier }) => tier).toSorted((a, b) => a - b))
      const shares = lines.reduce((sum, { limitShare }) => sum + (limitShare ?? 0), 0)
      expect(shares).toBeCloseTo(estimate.share ?? 0)
      expect(estimate.share ?? 0).toBeLessThanOrEqual(1 + 1e-9)
    }),
  )
})
