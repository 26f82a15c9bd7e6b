// The chain of the audit trail, without a database: which change of which row is found, and where.
import { expect, test } from 'vitest'
import {
  type AuditLink,
  type AuditRow,
  auditHash,
  CHAIN_START,
  faultOfEnd,
  faultOfKept,
  faultOfRow,
  faultOfStart,
  linkBefore,
  prunedThrough,
} from '../../../ledger/audit-chain.ts'

const chained = (row: Omit<AuditRow, 'hash'>): AuditRow => ({ ...row, hash: auditHash(row) })

const rowAfter = (last: AuditLink, more: Partial<AuditRow> = {}): AuditRow =>
  chained({
    orgId: 'acme',
    seq: last.seq + 1,
    at: '2026-11-23T01:02:03.000004Z',
    actor: 'cli:ann',
    action: 'run.paused',
    subject: 'run-1',
    facts: '{"to": "paused", "from": "running"}',
    previousHash: last.hash,
    ...more,
  })

const chainOf = (length: number): readonly AuditRow[] => {
  const rows: AuditRow[] = []
  for (let last: AuditLink = CHAIN_START; rows.length < length; last = rows.at(-1) ?? last) rows.push(rowAfter(last))
  return rows
}

/** The first fault of rows in the order of seq. */
const faultOf = (rows: readonly AuditRow[]) => {
  let last: AuditLink = CHAIN_START
  for (const row of rows) {
    const fault = faultOfRow(last, row)
    if (fault) return fault
    last = row
  }
  return undefined
}

const [one, two, three, four] = chainOf(4)
if (!one || !two || !three || !four) throw new Error('The chain is too short.')
const whole = [one, two, three, four]

test('a row hashes to what sha256 of its columns, each with its length, says', () => {
  // printf '%s' '0:,4:acme,1:1,27:2026-11-23T01:02:03.000004Z,7:cli:ann,10:run.paused,5:run-1,35:{"to": "paused", "from": "running"}' | sha256sum
  expect(one.hash).toBe('e2af1e920af757895be0980130560ef972adca88dc64c59ae2ea444676a550a5')
})

test('what moves from one column to the next changes the hash', () => {
  expect(rowAfter(CHAIN_START, { actor: 'a,3:b', action: 'c' }).hash).not.toBe(
    rowAfter(CHAIN_START, { actor: 'a', action: 'b,3:c' }).hash,
  )
})

test('rows as they were written have no fault', () => {
  expect(faultOf(whole)).toBeUndefined()
  expect(faultOfEnd(four, four)).toBeUndefined()
})

test.each([
  { change: { at: '2026-11-23T01:02:03.000005Z' } },
  { change: { actor: 'cli:bob' } },
  { change: { action: 'run.resumed' } },
  { change: { subject: 'run-2' } },
  { change: { facts: '{}' } },
  { change: { orgId: 'other' } },
  { change: { hash: one.hash } },
])('a row with another value is found: $change', ({ change }) => {
  expect(faultOf([one, { ...two, ...change }, three, four])).toMatchObject({ kind: 'changed', seq: 2 })
})

test('a changed row that was hashed anew is found at the next one', () => {
  expect(faultOf([one, rowAfter(one, { actor: 'cli:bob' }), three, four])).toMatchObject({ kind: 'unlinked', seq: 3 })
})

test('missing, moved and inserted rows are found where they begin', () => {
  expect(faultOf([one, three, four])).toMatchObject({ kind: 'missing', seq: 2 })
  expect(faultOf([two, three, four])).toMatchObject({ kind: 'missing', seq: 1 })
  expect(faultOf([one, { ...three, seq: 2 }, { ...two, seq: 3 }, four])).toMatchObject({ kind: 'unlinked', seq: 2 })
  expect(faultOf([one, { ...three, seq: 2 }, { ...four, seq: 3 }])).toMatchObject({ kind: 'unlinked', seq: 2 })
  expect(faultOf([rowAfter({ seq: -1, hash: '' }), ...whole])).toMatchObject({ kind: 'inserted', seq: 0 })
})

test('an end other than the head is found', () => {
  expect(faultOfEnd(three, four)).toMatchObject({ kind: 'missing', seq: 4 })
  expect(faultOfEnd(four, three)).toMatchObject({ kind: 'inserted', seq: 4 })
  expect(faultOfEnd(rowAfter(three, { actor: 'cli:bob' }), four)).toMatchObject({ kind: 'rewritten', seq: 4 })
  expect(faultOfEnd(four, undefined)).toMatchObject({ kind: 'missing', seq: 5 })
})

test('a kept head is compared with the row at its place alone', () => {
  expect(faultOfKept({ seq: 2, hash: two.hash }, two)).toBeUndefined()
  expect(faultOfKept({ seq: 2, hash: two.hash }, three)).toBeUndefined()
  expect(faultOfKept({ seq: 2, hash: one.hash }, two)).toMatchObject({ kind: 'rewritten', seq: 2 })
})

test('of the beginning only what was pruned may be missing, and all of that', () => {
  const [before, through] = [linkBefore(three), { seq: 2, hash: two.hash }]
  expect(before).toEqual(through)
  expect(linkBefore(one)).toEqual(CHAIN_START)
  expect(faultOfStart(CHAIN_START)).toBeUndefined()
  expect(faultOfStart(before, through)).toBeUndefined()
  expect(faultOfStart(before)).toMatchObject({ kind: 'missing', seq: 1 })
  expect(faultOfStart(linkBefore(four), through)).toMatchObject({ kind: 'missing', seq: 3 })
  expect(faultOfStart(linkBefore(two), through)).toMatchObject({ kind: 'inserted', seq: 2 })
  expect(faultOfStart(before, { seq: 2, hash: one.hash })).toMatchObject({ kind: 'missing', seq: 3 })
})

test('a row of pruning that says nothing usable prunes nothing', () => {
  expect(prunedThrough(undefined)).toBeUndefined()
  for (const facts of ['{}', '{"through": 0, "hash": ""}', '{"through": "2", "hash": "ab"}'])
    expect(prunedThrough({ facts })).toBeUndefined()
  expect(prunedThrough({ facts: '{"through": 2, "hash": "ab", "file": "/a"}' })).toEqual({ seq: 2, hash: 'ab' })
})
