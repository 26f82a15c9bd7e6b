// Entity reports for tests: only what a test is about needs to be named.
import type { EntityReport } from '../../../ledger/report.ts'

export const STATE_SINCE = new Date('2026-01-02T03:04:06Z')

export const report = (entity: string, facts: Partial<EntityReport> = {}): EntityReport => ({
  entity,
  tier: 0,
  state: 'fetching',
  hard: [],
  soft: [],
  carrier: null,
  changes: null,
  why: null,
  startedAt: null,
  endedAt: null,
  stateSince: STATE_SINCE,
  reason: null,
  errorCode: null,
  calls: 0,
  pages: 0,
  fetched: 0,
  merged: 0,
  unchanged: 0,
  stale: 0,
  parked: 0,
  dead: 0,
  repair: 'none',
  missing: 0,
  openPages: 0,
  openSince: null,
  healed: 0,
  idleMs: null,
  waitingFor: null,
  waitingSince: null,
  waitingMs: null,
  waitingReason: null,
  ...facts,
})

/** A report of so many records fetched, of which so many are missing. */
export const fetched = (entity: string, records: number, missing = 0, facts: Partial<EntityReport> = {}): EntityReport =>
  report(entity, { fetched: records, merged: records - missing, missing, ...facts })
