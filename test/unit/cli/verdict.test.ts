import { describe, expect, it } from 'vitest'
import { failuresOf } from '../../../cli/show.ts'
import { judgeRun } from '../../../cli/verdict.ts'
import { numberList } from '../../../cli/words.ts'
import { fetched, report } from './reports.ts'

const COMPLETE = { state: 'complete' } as const
const closed = (entity: string, facts = {}) => fetched(entity, 10, 0, { state: 'closed', ...facts })

describe('the verdict on a ledger', () => {
  it('closes when all have ended and nothing is missing', () => {
    expect(judgeRun(COMPLETE, [closed('campus'), closed('person')], 0)).toEqual({ verdict: 'closed', reasons: [] })
  })

  it('closes with exceptions when records died or are parked, or a walk is unproven', () => {
    const { verdict, reasons } = judgeRun(
      COMPLETE,
      [closed('a', { dead: 1 }), closed('b', { parked: 2 }), report('c', { state: 'unproven' })],
      0,
    )
    expect(verdict).toBe('exceptions')
    expect(reasons).toEqual(['1 dead letter', '2 records parked for a missing parent', 'not proven complete: c'])
  })

  it('does not close on the word of the run: a missing record counts, whatever the states say', () => {
    expect(judgeRun(COMPLETE, [closed('person', { missing: 1 })], 0)).toEqual({
      verdict: 'open',
      reasons: ['1 record of accepted pages without an outcome'],
    })
  })

  it('does not close when a page has no receipt', () => {
    expect(judgeRun(COMPLETE, [closed('person')], 2).reasons).toEqual(['2 pages passed without a receipt'])
  })

  it.each(['waiting', 'fetching', 'landing', 'failed', 'skipped', 'cancelled'] as const)(
    'does not close with an entity %s',
    (state) => {
      expect(judgeRun(COMPLETE, [closed('campus'), report('person', { state })], 0)).toEqual({
        verdict: 'open',
        reasons: [`${state}: person`],
      })
    },
  )

  it('is none where the pages are no longer kept, whatever the figures say', () => {
    const { verdict, reasons } = judgeRun(COMPLETE, [closed('person')], 21, false)
    expect([verdict, reasons]).toEqual(['not-kept', ['its pages are no longer kept; the run was complete then']])
  })

  it('does not close before it is planned', () => {
    expect(judgeRun({ state: 'planned' }, [], 0).verdict).toBe('open')
  })
})

describe('failures', () => {
  it('are causes with what to do next; what was skipped is none', () => {
    const entities = [
      report('person', { state: 'failed', errorCode: 'auth', reason: 'refused' }),
      report('email', { state: 'skipped', errorCode: 'auth', reason: 'person failed' }),
    ]
    const [only, ...others] = failuresOf({ orgId: 'acme' }, entities, [])
    expect(others).toEqual([])
    expect(only).toMatchObject({ entity: 'person', rangeId: null, code: 'auth', reason: 'refused' })
    expect(only?.remedy).toContain('syncline org add acme --pat-stdin')
  })
})

describe('number lists', () => {
  it('draw neighbours together', () => {
    expect(numberList([0, 4, 5, 6, 9, 10])).toBe('0, 4-6, 9-10')
    expect(numberList([])).toBe('')
  })
})
