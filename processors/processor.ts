// The process role: two lanes beside each other, so that what somebody waits for does not queue behind pages. Pages of runs take the
// one, deliveries of webhooks and answers for single records the other (docs/decisions/0016-a-lane-for-deliveries.md).
import { isSynclineError } from '../platform/errors.ts'
import { RoleHealth } from '../platform/health.ts'
import type { ConsumerReport } from '../platform/kafka/fetch-watch.ts'
import { deferred, persist, type Role } from '../platform/lifecycle.ts'
import type { Topics } from '../topics/list.ts'
import { createLane, type Lane, type LaneDeps } from './lane.ts'
import type { PageWorker, SchemaIds } from './page-worker.ts'

type LaneParts = Pick<LaneDeps, 'producer' | 'consumer'> & { readonly openWorker: (schemaIds: SchemaIds) => PageWorker }

export interface ProcessorDeps extends Pick<LaneDeps, 'log' | 'telemetry'> {
  readonly topics: Topics
  readonly pages: LaneParts
  readonly live: LaneParts
  /** Names of the adapters whose raw topics are read. */
  readonly adapters: readonly string[]
  /** Registers the canonical schemas and gives their ids; throws 'incompatible' before anything is produced. */
  readonly registerSchemas: () => Promise<SchemaIds>
  readonly health?: RoleHealth
}

const isRegistryAway = (error: unknown): boolean => isSynclineError(error, 'unavailable')

/** A request to Kafka costs more than some pages do: so long a busy lane gathers them. */
const PAGES_BUSY_WAIT_MS = 150

/** One report for both: what is worse of each. */
const worstOf = (a: ConsumerReport, b: ConsumerReport): ConsumerReport => ({
  generation: Math.min(a.generation, b.generation),
  isPaused: a.isPaused || b.isPaused,
  isAway: a.isAway || b.isAway,
  isJoining: a.isJoining || b.isJoining,
  silentMs: Math.max(a.silentMs, b.silentMs),
  lag: a.lag + b.lag,
})

export const createProcessor = (deps: ProcessorDeps): Role => {
  const { topics, adapters, log, telemetry, health = new RoleHealth('process') } = deps
  const failure = deferred<never>()
  const stopping = new AbortController()
  let lanes: readonly Lane[] = []

  const open = (schemaIds: SchemaIds): readonly Lane[] => {
    const laneOf = (parts: LaneParts, rest: Pick<LaneDeps, 'name' | 'reads' | 'busyWaitMs'>): Lane =>
      createLane({ ...parts, ...rest, worker: parts.openWorker(schemaIds), log, health, telemetry })
    return [
      laneOf(deps.pages, { name: 'process', reads: adapters.map(topics.raw), busyWaitMs: PAGES_BUSY_WAIT_MS }),
      laneOf(deps.live, { name: 'process, live', reads: adapters.map(topics.live), busyWaitMs: 0 }),
    ]
  }

  return {
    name: 'process',
    failed: failure.promise,
    start: async () => {
      const { signal } = stopping
      const register = () => deps.registerSchemas()
      const schemaIds = await persist(register, { what: 'schema registry', log, signal, isAway: isRegistryAway, outages: health })
      lanes = open(schemaIds)
      for (const lane of lanes) lane.failed.catch(failure.reject)
      const reports = lanes.flatMap(({ sources: { consumer } }) => (consumer === undefined ? [] : [consumer]))
      health.watch({
        hasWork: () => lanes.some(({ sources }) => sources.hasWork()),
        consumer: () => reports.map((report) => report()).reduce(worstOf),
      })
      await Promise.all(lanes.map((lane) => lane.start()))
    },
    stop: async () => {
      stopping.abort()
      await Promise.all(lanes.map((lane) => lane.stop()))
    },
  }
}
