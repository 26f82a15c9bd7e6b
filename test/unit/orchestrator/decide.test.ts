import { describe, expect, test } from 'vitest'
import type { EntityProgress } from '../../../ledger/progress.ts'
import { decide, decideEnd, decideRepair } from '../../../orchestrator/decide.ts'
import { progressOf as entity } from './progress.ts'

const kinds = (entities: readonly EntityProgress[]) => decide(entities).map((d) => `${d.kind} ${d.entity}`)

test('an entity starts as soon as its own dependencies have ended, whatever its tier', () => {
  const campus = entity('campus', { state: 'fetching', openRanges: 1 })
  const group = entity('group', { state: 'closed' })
  const person = entity('person', { soft: ['campus'] })
  const event = entity('event', { hard: ['group'], tier: 5 })
  expect(kinds([campus, group, person, event])).toEqual(['start event'])
})

test('a soft dependency that failed does not hold up, a hard one that is unproven does not either', () => {
  const campus = entity('campus', { state: 'failed' })
  const group = entity('group', { state: 'unproven' })
  expect(kinds([campus, group, entity('person', { soft: ['campus'] }), entity('event', { hard: ['group'] })])).toEqual([
    'start person',
    'start event',
  ])
})

test('when an entity fails, its hard dependents are skipped with the reason, and theirs', () => {
  const person = entity('person', { state: 'failed', errorCode: 'permission' })
  const [decision] = decide([person, entity('email', { hard: ['person'] })])
  expect(decision).toMatchObject({ kind: 'skip', entity: 'email', code: 'permission' })
  const skipped = entity('email', { state: 'skipped', hard: ['person'] })
  expect(kinds([person, skipped, entity('note', { hard: ['email'] })])).toEqual(['skip note'])
})

test('a carried entity starts with its carrier and closes no earlier than its carrier and its hard parents', () => {
  const household = entity('household', { state: 'fetching', openRanges: 1 })
  const person = entity('person', { soft: ['household'] })
  const membership = entity('household-membership', { carrier: 'household', hard: ['household', 'person'] })
  expect(kinds([household, person, membership])).toEqual(['start household-membership'])
  const landing = { ...membership, state: 'landing' } as const
  expect(kinds([{ ...household, state: 'closed' }, { ...person, state: 'landing', openLandings: 1 }, landing])).toEqual([])
  expect(kinds([{ ...household, state: 'closed' }, { ...person, state: 'closed' }, landing])).toEqual([
    'judge household-membership',
  ])
})

test('fetched entities wait for every record to land before they are judged', () => {
  const open = entity('person', { state: 'landing', openLandings: 3 })
  expect(kinds([open])).toEqual([])
  expect(kinds([{ ...open, openLandings: 0 }])).toEqual(['judge person'])
})

test('parked rows are swept once, after the parents have ended, before the entity is judged', () => {
  const email = entity('email', { state: 'landing', parked: 2 })
  expect(kinds([email])).toEqual(['sweep email'])
  expect(kinds([{ ...email, sweep: 'requested' }])).toEqual([])
  expect(kinds([{ ...email, sweep: 'done' }])).toEqual(['judge email'])
})

test('an entity that is ready but for its parked rows waits until they are repaired, or have found their parents', () => {
  const email = entity('email', { state: 'landing', parked: 2, sweep: 'done', repair: 'ready' })
  expect(kinds([email])).toEqual([])
  expect(kinds([{ ...email, parked: 0 }])).toEqual(['judge email'])
  expect(kinds([{ ...email, repair: 'done' }])).toEqual(['judge email'])
  expect(kinds([{ ...email, repair: 'done', sweep: 'none' }])).toEqual(['sweep email'])
})

describe('missing parents are fetched', () => {
  const person = entity('person', { state: 'closed' })
  const email = entity('email', { state: 'landing', hard: ['person'], parked: 2, sweep: 'done', repair: 'ready' })
  const event = entity('event', { ...email, entity: 'event', hard: ['person'] })

  test('of all that wait for them at once', () => {
    expect(decideRepair([person, email, event])).toEqual(['email', 'event'])
  })

  test.each<[string, Partial<EntityProgress>]>([
    ['fetches', { state: 'fetching', openRanges: 1 }],
    ['lands', { state: 'landing', openLandings: 1 }],
    ['may start', { state: 'waiting' }],
    ['is swept', { state: 'landing', parked: 1, sweep: 'requested' }],
    ['is to be judged', { state: 'landing' }],
  ])('not while another entity %s', (_, facts) => {
    expect(decideRepair([person, email, entity('group', facts)])).toEqual([])
  })

  test('when all others wait for the end of those that are ready', () => {
    const note = entity('note', { hard: ['email'] })
    const carried = entity('tag', { state: 'landing', carrier: 'note', hard: ['note'], parked: 1 })
    expect(decideRepair([person, email, note, carried])).toEqual(['email'])
  })

  test('not for those that were repaired before, nor again while the parents are on their way', () => {
    expect(decideRepair([person, { ...email, repair: 'done' }])).toEqual([])
    expect(decideRepair([{ ...person, state: 'fetching', openRanges: 1 }, email])).toEqual([])
  })
})

test('a failed range fails its entity with the reason of the range', () => {
  const failedRange = { code: 'auth', reason: 'refused' }
  expect(decide([entity('person', { state: 'fetching', openRanges: 2, failedRange })])).toEqual([
    { kind: 'fail', entity: 'person', from: 'fetching', code: 'auth', reason: 'refused' },
  ])
})

test('a run ends only when every entity has; dead, parked or unproven make it complete with exceptions', () => {
  const closed = entity('campus', { state: 'closed' })
  const none = { dead: 0, parked: 0 }
  expect(decideEnd([closed, entity('person', { state: 'landing' })], none)).toBeUndefined()
  expect(decideEnd([closed], none)?.state).toBe('complete')
  expect(decideEnd([closed], { dead: 1, parked: 0 })?.state).toBe('complete_with_exceptions')
  expect(decideEnd([closed], { dead: 0, parked: 1 })?.state).toBe('complete_with_exceptions')
  expect(decideEnd([entity('group', { state: 'unproven' })], none)?.state).toBe('complete_with_exceptions')
  const waiting = decideEnd([closed], { ...none, deletions: 2 })
  expect(waiting).toMatchObject({ state: 'complete_with_exceptions', reason: '2 deletions waiting for an approval' })
  const failed = entity('person', { state: 'failed', errorCode: 'auth', reason: 'refused' })
  expect(decideEnd([entity('email', { state: 'skipped' }), failed], none)).toMatchObject({ state: 'failed', errorCode: 'auth' })
})
