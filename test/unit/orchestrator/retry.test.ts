import { describe, expect, test } from 'vitest'
import type { EntityState } from '../../../ledger/entities.ts'
import type { Paging } from '../../../manifests/manifest.ts'
import { retrySelection } from '../../../orchestrator/retry.ts'

const entity = (name: string, state: EntityState, hard: readonly string[] = [], carrier: string | null = null) => ({
  entity: name,
  state,
  hard,
  carrier,
  paging: { kind: 'offset', order: null } as Paging,
})

describe('what is taken up again', () => {
  test('is what failed or was skipped, and no entity that closed by itself', () => {
    const run = [
      entity('campus', 'closed'),
      entity('person', 'closed'),
      entity('group', 'failed'),
      entity('event', 'skipped', ['group']),
      entity('group-membership', 'skipped', ['group', 'person']),
    ]
    expect(retrySelection(run, 'full')).toEqual(['group', 'event', 'group-membership'])
  })

  test('is what cannot be without it too, though it had closed, through any number of steps', () => {
    const run = [
      entity('person', 'failed'),
      entity('household', 'closed', ['person']),
      entity('household-membership', 'closed', ['household']),
      entity('campus', 'closed'),
    ]
    expect(retrySelection(run, 'full')).toEqual(['person', 'household', 'household-membership'])
  })

  test('is what it carries, and a carried entity comes alone when its carrier had closed', () => {
    expect(retrySelection([entity('person', 'failed'), entity('email', 'closed', [], 'person')], 'full')).toEqual([
      'person',
      'email',
    ])
    expect(retrySelection([entity('person', 'closed'), entity('email', 'cancelled', [], 'person')], 'full')).toEqual(['email'])
  })

  test('of a reconciliation is also what it is read below, which proves that it is all, but nothing besides', () => {
    const run = [
      entity('group', 'closed'),
      entity('event', 'closed', ['group']),
      { ...entity('group-membership', 'failed', ['group']), paging: { kind: 'parents', parent: 'group' } as const },
    ]
    expect(retrySelection(run, 'reconcile')).toEqual(['group', 'group-membership'])
    expect(retrySelection(run, 'full')).toEqual(['group-membership'])
  })

  test('is nothing of a run that came to its end, unproven or not', () => {
    expect(retrySelection([entity('group', 'unproven'), entity('event', 'closed', ['group'])], 'full')).toEqual([])
  })
})
