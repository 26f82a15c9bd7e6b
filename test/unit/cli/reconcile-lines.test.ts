import { expect, test } from 'vitest'
import { reconciliationText } from '../../../cli/reconcile-lines.ts'
import type { Reconciliation } from '../../../ledger/deletions.ts'

const run = { runId: 'R' }
const of = (facts: Partial<Reconciliation>): Reconciliation => ({
  entity: 'person',
  state: 'confirming',
  liveRows: 2_000,
  missing: 0,
  allowed: 100,
  gone: 0,
  kept: 0,
  approvedBy: null,
  ...facts,
})

test('nothing is said where every row was shown', () => {
  expect(reconciliationText(run, [of({})])).toEqual([])
})

test('rows that were asked after are told by what became of them', () => {
  expect(reconciliationText(run, [of({ missing: 5, gone: 3, kept: 1 })])).toEqual([
    'Rows that the API did not show:',
    '  person: 5 of 2,000 rows; 3 rows gone and deleted, 1 there all the same, 1 not asked after',
  ])
})

test('what became of rows whose pages are no longer kept is not said to be nothing', () => {
  expect(reconciliationText(run, [of({ missing: 5, gone: null, kept: null })])[1]).toBe(
    '  person: 5 of 2,000 rows; they were asked after; what came of it is no longer kept',
  )
})

test('what waits for an approval is told with the command that gives it', () => {
  const text = reconciliationText(run, [of({ missing: 500, state: 'parked' })])
  expect(text[1]).toContain('500 of 2,000 rows; more than the 100 that may be deleted without an approval')
  expect(text[2]).toContain('syncline reconcile approve R')
  const approved = reconciliationText(run, [of({ missing: 500, gone: 500, state: 'approved', approvedBy: 'S' })])
  expect(approved).toEqual([expect.any(String), expect.stringContaining('approved, run S: 500 rows gone and deleted')])
})
