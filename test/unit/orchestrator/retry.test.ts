import { describe, expect, test } from 'vitest'
import type { EntityState } from '../../../ledger/entities.ts'
import { retrySelection } from '../../../orchestrator/retry.ts'

const entity = (name: string, state: EntityState, hard: readonly string[] = [], carrier: string | null = null) => ({
  entity: name,
  state,
  hard,
  carrier,
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
    expect(retrySelection(run)).toEqual(['group', 'event', 'group-membership'])
  })

  test('is what cannot be without it too, though it had closed, through any number of steps', () => {
    const run = [
      entity('person', 'failed'),
      entity('household', 'closed', ['person']),
      entity('household-membership', 'closed', ['household']),
      entity('campus', 'closed'),
    ]
    expect(retrySelection(run)).toEqual(['person', 'household', 'household-membership'])
  })

  test('is what it carries, and a carried entity comes alone when its carrier had closed', () => {
    expect(retrySelection([entity('person', 'failed'), entity('email', 'closed', [], 'person')])).toEqual(['person', 'email'])
    expect(retrySelection([entity('person', 'closed'), entity('email', 'cancelled', [], 'person')])).toEqual(['email'])
  })

  test('is nothing of a run that came to its end, unproven or not', () => {
    expect(retrySelection([entity('group', 'unproven'), entity('event', 'closed', ['group'])])).toEqual([])
  })
})
