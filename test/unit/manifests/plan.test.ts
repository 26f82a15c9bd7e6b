import { describe, expect, test } from 'vitest'
import { entityGraph } from '../../../manifests/graph.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { type EntityPlan, planEntities } from '../../../manifests/plan.ts'
import type { DeltaBase } from '../../../manifests/strategy.ts'

const planOf = (...selection: string[]): ReadonlyMap<string, EntityPlan> =>
  new Map(planEntities(pcoManifest, selection).map((plan) => [plan.entity, plan]))

test('without a selection everything that the strategy reads is planned, in the order of the graph', () => {
  const plan = planEntities(pcoManifest, [])
  expect(plan.map(({ entity }) => entity)).toEqual(entityGraph(pcoManifest).order.filter((entity) => entity !== 'person-merger'))
  expect(plan.map(({ ordinal }) => ordinal)).toEqual(plan.map((_, index) => index))
})

describe('a child that its carrier brings', () => {
  test('costs no walk when the carrier is selected', () => {
    const plan = planOf()
    expect(plan.get('email')?.carrier).toBe('person')
    expect(plan.get('household-membership')?.carrier).toBe('household')
    expect(plan.get('person')?.carries).toEqual(['address', 'email', 'phone-number'])
    expect(plan.get('household')?.carries).toEqual(['household-membership'])
    expect(plan.get('group-membership')?.carrier).toBeNull()
  })

  test('is walked itself when the carrier is not selected', () => {
    expect(planOf('email').get('email')).toMatchObject({
      carrier: null,
      hard: [],
      paging: { kind: 'keyset', field: 'created_at' },
    })
  })

  test('is carried only when it is selected', () => {
    expect(planOf('person', 'email').get('person')?.carries).toEqual(['email'])
  })
})

test('dependencies and tiers are those among the selected', () => {
  const plan = planOf('event', 'group', 'person')
  expect(plan.get('event')).toMatchObject({ hard: ['group'], soft: ['person'], tier: 1 })
  expect(plan.get('person')).toMatchObject({ hard: [], soft: [], tier: 0 })
})

test('an unknown name is a usage error with the nearest valid ones', () => {
  expect(() => planOf('persons')).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: expect.stringContaining("'persons'"),
      remedy: expect.stringContaining('person'),
    }),
  )
})

describe('a delta', () => {
  const now = new Date('2026-03-01T00:00:00Z')
  const at = new Date('2026-02-01T00:00:00Z')
  const base: DeltaBase = { watermarks: new Map(), lookBackMs: 300_000, since: null, now }
  const everywhere = new Map(pcoManifest.definitions.map(({ entity }) => [entity, at]))
  const deltaOf = (more: Partial<DeltaBase>, ...selection: string[]): ReadonlyMap<string, EntityPlan> =>
    new Map(
      planEntities(pcoManifest, selection, { strategy: 'delta', base: { ...base, ...more } }).map((plan) => [plan.entity, plan]),
    )

  test('asks for what has changed since the watermark less the look-back, by each entity itself', () => {
    const plan = deltaOf({ watermarks: everywhere })
    const since = '2026-01-31T23:55:00Z'
    expect(plan.get('person')).toMatchObject({ changes: { field: 'updated_at', since, direction: 'up' }, carries: [] })
    expect(plan.get('email')).toMatchObject({ changes: { field: 'updated_at', since, direction: 'up' }, carrier: null })
    expect(plan.get('address')).toMatchObject({ changes: { since, direction: 'down' }, carrier: null })
    expect(plan.get('person-merger')).toMatchObject({ changes: { field: 'created_at', since } })
  })

  test('has the pairs of the households that have changed on their pages', () => {
    const plan = deltaOf({ watermarks: everywhere })
    expect(plan.get('household-membership')).toMatchObject({ carrier: 'household', changes: plan.get('household')?.changes })
  })

  test('of what comes on the same pages begins where the least of it was read to', () => {
    const earlier = new Map(everywhere).set('household-membership', new Date('2026-01-10T00:00:00Z'))
    const plan = deltaOf({ watermarks: earlier })
    for (const entity of ['household', 'household-membership'])
      expect(plan.get(entity)?.changes?.since, entity).toBe('2026-01-09T23:55:00Z')
    expect(deltaOf({ watermarks: earlier }, 'household').get('household')?.changes?.since).toBe('2026-01-31T23:55:00Z')
    earlier.delete('household-membership')
    for (const entity of ['household', 'household-membership'])
      expect(deltaOf({ watermarks: earlier }).get(entity)?.changes, entity).toBeNull()
  })

  test('reads everything of what the API does not tell changes of', () => {
    for (const entity of ['group', 'event', 'group-membership'])
      expect(deltaOf({ watermarks: everywhere }).get(entity)?.changes).toBeNull()
  })

  test('without a watermark becomes a full read of that entity by itself, and says so', () => {
    const plan = deltaOf({ watermarks: new Map([['person', at]]) })
    expect(plan.get('person')?.changes).not.toBeNull()
    expect(plan.get('email')).toMatchObject({ changes: null, why: expect.stringContaining('never') })
  })

  test('begins at the moment that an operator gives', () => {
    const since = new Date('2026-02-20T10:00:00Z')
    expect(deltaOf({ watermarks: everywhere, since }).get('email')?.changes?.since).toBe('2026-02-20T10:00:00Z')
    expect(deltaOf({ since }).get('email')?.changes?.since).toBe('2026-02-20T10:00:00Z')
  })

  test('of people tells of those that were merged', () => {
    expect([...deltaOf({ watermarks: everywhere }, 'person').keys()]).toEqual(['person', 'person-merger'])
  })
})

test('a reconciliation walks children by themselves, so that each entity is proven by its own total', () => {
  const plan = new Map(planEntities(pcoManifest, [], { strategy: 'reconcile' }).map((each) => [each.entity, each]))
  expect(plan.get('person')?.carries).toEqual([])
  for (const entity of ['address', 'email', 'phone-number']) expect(plan.get(entity)?.carrier).toBeNull()
  expect(plan.get('household-membership')?.carrier).toBe('household')
})
