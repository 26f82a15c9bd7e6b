// What an entity of a run waits for, and since when, from the report of all entities. Pure.
import type { EntityReport } from '../ledger/report.ts'
import { type Run, waitsForAuthorisation } from '../ledger/runs.ts'
import { hasEnded } from '../orchestrator/decide.ts'
import { isBackfill } from '../orchestrator/turns.ts'
import { count, duration } from './words.ts'

export interface Wait {
  readonly for:
    | 'resume'
    | 'authorisation'
    | 'worker'
    | 'entities'
    | 'carrier'
    | 'turn'
    | 'limit'
    | 'retry'
    | 'redis'
    | 'landing'
    | 'sweep'
    | 'repair'
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
  authorisation: { for: 'authorisation', what: 'its connection to be authorised again' },
}

/** Between two slices nobody holds a range: that is no wait yet. */
const MIN_IDLE_MS = 5_000

const walkWait = (entity: EntityReport): Wait | undefined => {
  const known = entity.waitingFor === null ? undefined : RANGE_WAITS[entity.waitingFor]
  if (known === undefined) return turnWait(entity)
  const what = entity.waitingReason === null ? known.what : `${known.what}: ${entity.waitingReason}`
  return wait(known.for, what, entity.waitingSince, entity.waitingMs)
}

const turnWait = ({ idleMs, stateSince }: EntityReport): Wait | undefined =>
  idleMs === null || idleMs < MIN_IDLE_MS ? undefined : wait('turn', 'a fetcher to take its turn', stateSince, idleMs)

const missingRole = (live: LiveRoles, roles: readonly string[], since: Date | null): Wait | undefined => {
  const role = roles.find((name) => !live.has(name))
  return role === undefined ? undefined : wait('worker', `a worker: syncline worker ${role}`, since)
}

const healedText = ({ healed }: EntityReport): string =>
  healed === 0 ? '' : `; ${count(healed, 'page')} vanished on Kafka and ${healed === 1 ? 'was' : 'were'} healed`

const landingWait = (entity: EntityReport, all: readonly EntityReport[], live: LiveRoles): Wait | undefined => {
  const since = entity.openSince ?? entity.stateSince
  if (entity.missing > 0) {
    const landing = () => wait('landing', `${count(entity.missing, 'record')} to land${healedText(entity)}`, since)
    return missingRole(live, ['process', 'sink'], since) ?? landing()
  }
  const parents = [...entity.hard, ...(entity.carrier === null ? [] : [entity.carrier])]
  const open = entitiesToEnd(parents, all, entity.stateSince)
  if (open !== undefined || entity.parked === 0) return open
  if (entity.repair === 'ready') {
    const what = `the rest of the run, before parents of ${count(entity.parked, 'parked record')} are asked for`
    return wait('repair', what, entity.stateSince)
  }
  const sweep = () => wait('sweep', `a look at ${count(entity.parked, 'parked record')}`, entity.stateSince)
  return missingRole(live, ['sink'], entity.stateSince) ?? sweep()
}

type RunWait = Pick<Run, 'state' | 'startedAt' | 'stateSince' | 'errorCode' | 'orgId' | 'source' | 'strategy' | 'approves'>

/** What a run waits for as a whole: undefined when it is running, or has ended. */
export const waitOfRun = (run: Omit<RunWait, 'startedAt'>, live: LiveRoles): Wait | undefined => {
  const { state, stateSince, orgId, source } = run
  if (waitsForAuthorisation(run))
    return wait('authorisation', `its connection to be authorised: syncline org connect ${orgId} --source ${source}`, stateSince)
  if (state === 'paused') return wait('resume', 'the run to be resumed', stateSince)
  if (state !== 'planned' && state !== 'running') return undefined
  const waitsForTurn = state === 'planned' && isBackfill(run)
  return (
    missingRole(live, ['orchestrate'], stateSince) ?? (waitsForTurn ? wait('turn', 'its turn to begin', stateSince) : undefined)
  )
}

/** A carried entity waits for whatever its carrier's walk waits for. */
const carriedWait = (carrier: EntityReport | undefined): Wait | undefined => {
  const walk = carrier === undefined ? undefined : walkWait(carrier)
  return walk === undefined || carrier === undefined
    ? undefined
    : { ...walk, what: `${carrier.entity}, which waits for ${walk.what}` }
}

/** Undefined: it is at work, or has ended. */
export const waitOf = (run: RunWait, entity: EntityReport, all: readonly EntityReport[], live: LiveRoles): Wait | undefined => {
  if (hasEnded(entity)) return undefined
  const whole = waitOfRun(run, live)
  if (whole !== undefined) return whole
  if (entity.state === 'landing') return landingWait(entity, all, live)
  if (entity.state === 'waiting') {
    if (entity.carrier !== null) return wait('carrier', `${entity.carrier} to start`, run.startedAt)
    return entitiesToEnd([...entity.hard, ...entity.soft], all, run.startedAt)
  }
  const fetcherless = missingRole(live, ['fetch'], entity.stateSince)
  if (fetcherless !== undefined) return fetcherless
  return entity.carrier === null ? walkWait(entity) : carriedWait(all.find((other) => other.entity === entity.carrier))
}

/** `the API's limit, for 12s`. */
export const waitText = ({ what, ms, since }: Wait): string => {
  if (ms !== null) return `${what}, for ${duration(ms)}`
  return since === null ? what : `${what}, since ${since.toISOString().slice(11, 19)}Z`
}
