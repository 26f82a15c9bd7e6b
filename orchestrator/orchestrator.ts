// The orchestrator role: plans runs that were asked for, advances them, wakes due ranges; beside that heals, fires schedules and tells
// operators. Many may run; one leads.
import type { DeletionLimit } from '../ledger/deletions.ts'
import { planRun } from '../ledger/entities.ts'
import type { Plans } from '../ledger/progress.ts'
import { wakeDueRanges } from '../ledger/ranges.ts'
import { dropExpiredPages, forgetSeen } from '../ledger/retention.ts'
import { activeRuns, beginningBackfills, endRun, type Run } from '../ledger/runs.ts'
import { CHANNELS } from '../ledger/signals.ts'
import { forgetLapsedWorkers, liveRoles } from '../ledger/workers.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { eachOf } from '../platform/each.ts'
import { isSynclineError, messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { RoleHealth } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { LogOffsets } from '../platform/kafka/offsets.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import type { ReadAt } from '../platform/kafka/read-at.ts'
import { deferred, pause, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { NO_SIGNALS, type Signals } from '../platform/signals.ts'
import { stopInOrder } from '../platform/stopping.ts'
import { commandMessages } from '../topics/commands.ts'
import { eventMessages, type SyncEvent } from '../topics/events.ts'
import type { Topics } from '../topics/list.ts'
import { advanceRuns, RUNS_AT_ONCE, runEvent } from './advance.ts'
import { alwaysOnTasks } from './always-on.ts'
import { runBeside } from './beside.ts'
import { createHealer } from './healer.ts'
import { Leadership } from './leadership.ts'
import { planAsked } from './planning.ts'
import { createTickPace } from './tick-pace.ts'
import { BEGINNING_SECONDS, runsThatBegin } from './turns.ts'

export interface OrchestratorDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly topics: Topics
  /** The manifest of an adapter, by name; throws for an unknown one. */
  readonly manifestOf: (adapter: string) => Manifest
  /** What healing needs besides; `openForMs`: how long a page may be open before it is looked into. */
  readonly offsets: LogOffsets
  readonly readAt: ReadAt
  readonly openForMs: number
  /** Runs of a source that fail in a row before it is paused; 0: never. */
  readonly maxFailures: number
  /** Days that ended runs are kept; 0: for good. */
  readonly keepRunsDays: number
  /** Where operators are told. */
  readonly notifyUrl?: string | undefined
  /** How far before its watermark a delta begins. */
  readonly lookBackMs: number
  /** So many rows of an entity may be deleted by a reconciliation without an approval. */
  readonly deletions: DeletionLimit
  readonly signals?: Pick<Signals, 'news'>
  readonly log: Logger
  readonly health?: RoleHealth
}

const ACTIVE_TICK_MS = 200
const IDLE_TICK_MS = 1_000
/** How far signals may bring ticks forward. */
const AHEAD_MS = 2_000
const LONG_TICK_MS = 5_000
const WAKES_PER_TICK = 500
const HOUSEKEEPING_MS = 60_000
/** Steps of a run in one tick. */
const MAX_ROUNDS = 10
/** Active runs looked at in one tick; the oldest come first. */
const MAX_ACTIVE_RUNS = 1_000

type Tell = (event: SyncEvent) => void

/** What a tick needs of it. */
export interface TickDeps extends Pick<OrchestratorDeps, 'pool' | 'topics' | 'manifestOf' | 'lookBackMs' | 'deletions' | 'log'> {
  readonly producer: Pick<Producer, 'send'>
}

const planRequested = async (deps: TickDeps, runs: readonly Run[], tell: Tell): Promise<boolean> => {
  if (!runs.some(({ state }) => state === 'planned')) return false
  const fetchers = (await liveRoles(deps.pool)).get('fetch') ?? 0
  const beginning = await beginningBackfills(deps.pool, BEGINNING_SECONDS)
  let planned = false
  await eachOf(runsThatBegin(runs, { fetchers, beginning }), RUNS_AT_ONCE, async (run) => {
    if (await planOne(deps, run, tell)) planned = true
  })
  return planned
}

/** A run that cannot be planned by this version (an adapter or entity it does not have) fails; the others go on. */
const planOne = async ({ pool, manifestOf, lookBackMs, log }: TickDeps, run: Run, tell: Tell): Promise<boolean> => {
  const facts = { run: run.runId, org: run.orgId, strategy: run.strategy }
  try {
    const entities = await planAsked({ client: pool, manifest: manifestOf(run.adapter), lookBackMs }, run)
    const planned = await planRun(pool, run.runId, entities)
    if (!planned) return false
    tell(runEvent(run, 'running', null))
    log.info({ ...facts, entities: entities.length }, 'run planned')
    return true
  } catch (error) {
    if (!isSynclineError(error, 'usage', 'config')) throw error
    log.error({ ...facts, reason: error.message }, 'run cannot be planned')
    const ended = await endRun(pool, run.runId, { state: 'failed', errorCode: error.code, reason: error.message })
    if (ended) tell(runEvent(run, 'failed', error.message))
    return ended
  }
}

/** One tick of a leader; resolves to whether there is an active run. `plans` is kept from tick to tick. */
export const tick = async (deps: TickDeps, plans: Plans): Promise<boolean> => {
  const { pool, producer, topics, log, manifestOf, deletions } = deps
  const events: SyncEvent[] = []
  const tell: Tell = (event) => void events.push(event)
  let runs = await activeRuns(pool, MAX_ACTIVE_RUNS)
  if (await planRequested(deps, runs, tell)) {
    await failpoint('orchestrate.after-plan')
    runs = await activeRuns(pool, MAX_ACTIVE_RUNS)
  }
  const running = runs.filter((run) => run.state === 'running')
  const ids = new Set(running.map((run) => run.runId))
  for (const runId of plans.keys()) if (!ids.has(runId)) plans.delete(runId)
  // A change often allows the next at once, of the same run: an entity without ranges, a closed parent.
  let changed: readonly Run[] = running
  for (let round = 0; round < MAX_ROUNDS && changed.length > 0; round++) {
    changed = await advanceRuns({ pool, manifestOf, deletions, plans, log, tell }, changed)
  }
  // A command that is lost is emitted again when its range's wake-up is due.
  const due = running.length === 0 ? [] : await wakeDueRanges(pool, WAKES_PER_TICK)
  const outgoing = [
    ...(due.length > 0 ? [commandMessages(topics, due)] : []),
    ...(events.length > 0 ? [eventMessages(topics, events)] : []),
  ]
  if (due.length > 0) await failpoint('orchestrate.before-emit')
  if (outgoing.length > 0) await producer.send(outgoing)
  if (due.length > 0) await failpoint('orchestrate.after-emit')
  return running.length > 0
}

export const createOrchestrator = (deps: OrchestratorDeps): Role => {
  const { pool, producer, offsets, log, signals = NO_SIGNALS, health = new RoleHealth('orchestrate') } = deps
  const healer = createHealer(deps)
  const failure = deferred<never>()
  const stopping = new AbortController()
  const leadership = new Leadership(pool)
  const news = signals.news([CHANNELS.runs, CHANNELS.progress], stopping.signal)
  let loop: Promise<unknown> = Promise.resolve()
  const plans: Plans = new Map()
  let isActive = false
  let tickingSince = Number.POSITIVE_INFINITY
  const pace = createTickPace(ACTIVE_TICK_MS, AHEAD_MS)
  let back: (() => void) | undefined
  let led = false
  let housekeepingAt = 0

  const housekeeping = async () => {
    if (performance.now() < housekeepingAt) return
    housekeepingAt = performance.now() + HOUSEKEEPING_MS
    await forgetLapsedWorkers(pool)
    await forgetSeen(pool)
    const days = await dropExpiredPages(pool).catch((error: unknown) => {
      log.debug({ reason: messageOf(error) }, 'old pages not dropped, again later')
      return 0
    })
    if (days > 0) log.info({ days }, 'pages and landings of old runs dropped')
  }

  const step = async (): Promise<number> => {
    const leads = await leadership.held()
    if (leads !== led) log.debug({ leads }, 'orchestrator leadership changed')
    led = leads
    if (!leads) {
      isActive = false
      return IDLE_TICK_MS
    }
    await housekeeping()
    isActive = await tick(deps, plans)
    return isActive ? ACTIVE_TICK_MS : news.pace(IDLE_TICK_MS)
  }

  const goOn = () => {
    health.progress()
    if (back === undefined) return
    log.info({}, 'orchestrator goes on')
    back()
    back = undefined
  }

  const run = async () => {
    while (!stopping.signal.aborted) {
      tickingSince = performance.now()
      const delayMs = await step().catch((error: unknown) => {
        if (!isDatabaseAway(error) && !isKafkaAway(error)) throw error
        if (back === undefined) log.warn({ reason: messageOf(error) }, 'orchestrator waits: a service is away')
        back ??= health.away(isDatabaseAway(error) ? 'PostgreSQL' : 'Kafka')
        return undefined
      })
      if (delayMs !== undefined) goOn()
      const restMs = pace.restMs(tickingSince, performance.now())
      tickingSince = Number.POSITIVE_INFINITY
      await pause(restMs, stopping.signal)
      await news.sleep((delayMs ?? IDLE_TICK_MS) - restMs)
    }
    back?.()
  }

  const tasks = [{ what: 'healing', step: () => healer.look() }, ...alwaysOnTasks({ ...deps, signals, signal: stopping.signal })]
  const beside = () => tasks.map((task) => runBeside(task, { leads: () => led, log, signal: stopping.signal }))

  // A tick that takes long is work too, or one that hangs would look idle.
  health.watch({ hasWork: () => isActive || performance.now() - tickingSince > LONG_TICK_MS })

  return {
    name: 'orchestrate',
    failed: failure.promise,
    start: async () => {
      await Promise.all([producer.connect(), offsets.connect()])
      loop = Promise.all([run().catch(failure.reject), ...beside()])
    },
    stop: () => {
      stopping.abort()
      return stopInOrder('orchestrate', log, [
        { what: 'the tick in hand', end: () => loop },
        { what: 'leadership', end: () => leadership.resign() },
        { what: 'the producer', end: producer.disconnect },
        { what: 'the reader of offsets', end: offsets.disconnect },
      ])
    },
  }
}
