import { describe, expect, test } from 'vitest'
import { entityGraph } from '../../../manifests/graph.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { type EntityPlan, planEntities } from '../../../manifests/plan.ts'

const planOf = (...selection: string[]): ReadonlyMap<string, EntityPlan> =>
  new Map(planEntities(pcoManifest, selection).map((plan) => [plan.entity, plan]))

test('without a selection everything is planned, in the order of the graph', () => {
  const plan = planEntities(pcoManifest, [])
  expect(plan.map(({ entity }) => entity)).toEqual(entityGraph(pcoManifest).order)
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
