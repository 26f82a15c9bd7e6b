// What an entity of a run waits for, and since when, from the report of all entities. Pure.
import type { EntityReport } from '../ledger/report.ts'
import type { Run } from '../ledger/runs.ts'
import { hasEnded } from '../orchestrator/decide.ts'
import { count, duration } from './words.ts'

export interface Wait {
  readonly for: 'resume' | 'worker' | 'entities' | 'carrier' | 'limit' | 'retry' | 'redis' | 'landing' | 'sweep' | 'repair'
  /** In words. */
  readonly what: string
  readonly since: Date | null
  readonly ms: number | null
}

export type LiveRoles = ReadonlyMap<string, number>

const isOpen = (name: string, all: readonly EntityReport[]): boolean => {
  const other = all.find(({ entity }) => entity === name)
  return other !== undefined && !hasEnded(other)
}

const wait = (kind: Wait['for'], what: string, since: Date | null = null, ms: number | null = null): Wait => ({
  for: kind,
  what,
  since,
  ms,
})

const entitiesToEnd = (names: readonly string[], all: readonly EntityReport[], since: Date | null): Wait | undefined => {
  const open = [...new Set(names)].filter((name) => isOpen(name, all))
  return open.length === 0 ? undefined : wait('entities', `the end of ${open.join(', ')}`, since)
}

const RANGE_WAITS: Readonly<Record<string, { readonly for: Wait['for']; readonly what: string }>> = {
  limit: { for: 'limit', what: "the API's limit" },
  landing: { for: 'landing', what: 'its pages to land' },
  retry: { for: 'retry', what: 'another try' },
  redis: { for: 'redis', what: 'Redis' },
}

const walkWait = (entity: EntityReport): Wait | undefined => {
  const known = entity.waitingFor === null ? undefined : RANGE_WAITS[entity.waitingFor]
  if (known === undefined) return undefined
  const what = entity.waitingReason === null ? known.what : `${known.what}: ${entity.waitingReason}`
  return wait(known.for, what, entity.waitingSince, entity.waitingMs)
}

const missingRole = (live: LiveRoles, roles: readonly string[]): Wait | undefined => {
  const role = roles.find((name) => !live.has(name))
  return role === undefined ? undefined : wait('worker', `a worker: syncline worker ${role}`)
}

const landingWait = (entity: EntityReport, all: readonly EntityReport[], live: LiveRoles): Wait | undefined => {
  if (entity.missing > 0) {
    return missingRole(live, ['process', 'sink']) ?? wait('landing', `${count(entity.missing, 'record')} to land`)
  }
  const parents = entitiesToEnd([...entity.hard, ...(entity.carrier === null ? [] : [entity.carrier])], all, null)
  if (parents !== undefined || entity.parked === 0) return parents
  if (entity.repair === 'ready') {
    return wait('repair', `the rest of the run, before parents of ${count(entity.parked, 'parked record')} are asked for`)
  }
  return missingRole(live, ['sink']) ?? wait('sweep', `a look at ${count(entity.parked, 'parked record')}`)
}

/** Undefined: it is at work, or has ended. */
export const waitOf = (
  run: Pick<Run, 'state' | 'startedAt'>,
  entity: EntityReport,
  all: readonly EntityReport[],
  live: LiveRoles,
): Wait | undefined => {
  if (hasEnded(entity)) return undefined
  if (run.state === 'paused') return wait('resume', 'the run to be resumed')
  const leaderless = missingRole(live, ['orchestrate'])
  if (leaderless !== undefined) return leaderless
  if (entity.state === 'landing') return landingWait(entity, all, live)
  if (entity.state === 'waiting') {
    if (entity.carrier !== null) return wait('carrier', `${entity.carrier} to start`, run.startedAt)
    return entitiesToEnd([...entity.hard, ...entity.soft], all, run.startedAt)
  }
  if (entity.carrier !== null) return undefined
  return missingRole(live, ['fetch']) ?? walkWait(entity)
}

/** `the API's limit, for 12s`. */
export const waitText = ({ what, ms, since }: Wait): string => {
  if (ms !== null) return `${what}, for ${duration(ms)}`
  return since === null ? what : `${what}, since ${since.toISOString().slice(11, 19)}Z`
}
