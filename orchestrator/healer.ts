// Heals pages that vanished on Kafka, one look at a time: in come open pages and how far the groups have come, out go pages produced
// again, ranges rewound, and entities failed that could not be healed. It keeps nothing that may not be lost: after a restart the
// watch begins anew.
import { changeEntities } from '../ledger/entities.ts'
import { movePage, type OpenPage, overduePages, rewindRange, unreadableSince } from '../ledger/healing.ts'
import type { LogOffsets, Offsets } from '../platform/kafka/offsets.ts'
import { partitionKey } from '../platform/kafka/offsets.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { offsetKey, type ReadAt } from '../platform/kafka/read-at.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { eventMessages, type SyncEvent } from '../topics/events.ts'
import { decodePageOrigin } from '../topics/headers.ts'
import { RAW_PARTITIONS, type Topics } from '../topics/list.ts'
import { exhaustedReason, type Healing, hasPassed, lostPages, planHealing, type Watch } from './heal.ts'

export interface HealerDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly offsets: LogOffsets
  readonly readAt: ReadAt
  readonly topics: Topics
  readonly log: Logger
  /** A page that has been open for less is none of the healer's business. */
  readonly openForMs: number
}

export interface Healer {
  /** One look; resolves to when the next is worth its requests, in ms. Throws when a service is away. */
  look(): Promise<number>
}

/** Pages looked at; those beyond have their turn when these have landed. */
const MAX_PAGES = 1_000
/** Pages mended at a time: their bytes are in memory. */
const PAGES_AT_A_TIME = 20
const LOOK_EVERY_MS = 5_000
/** While a watch is under way. */
const WATCH_EVERY_MS = 2_000
const LEAST_MS = 100

export const createHealer = (deps: HealerDeps): Healer => {
  const { pool, offsets, topics, openForMs } = deps
  const canonical = canonicalEntities.map(({ entity }) => topics.canonical(entity))
  const idleMs = Math.max(LEAST_MS, Math.min(LOOK_EVERY_MS, openForMs))
  const watchMs = Math.max(LEAST_MS, Math.min(WATCH_EVERY_MS, openForMs))
  let watch: Watch | undefined

  const begin = async (pages: readonly OpenPage[], startedAt: number): Promise<Watch> => {
    const raw = [...new Set(pages.map(({ adapter }) => topics.raw(adapter)))]
    const processed = await offsets.positions(topics.group('process'), raw)
    return { of: 'canonical', startedAt, processed, ends: await offsets.ends(canonical) }
  }

  const sunk = (of: Watch['of']): Promise<Offsets> =>
    offsets.positions(topics.group('sink'), of === 'canonical' ? canonical : [topics.deadLetters])

  /** True when all that was on its way when the watch began has landed, or never will. */
  const hasSettled = async (watched: Watch): Promise<boolean> => {
    if (!hasPassed(watched.ends, await sunk(watched.of))) return false
    if (watched.of === 'dead-letters') return true
    watch = { ...watched, of: 'dead-letters', ends: await offsets.ends([topics.deadLetters]) }
    return hasPassed(watch.ends, await sunk('dead-letters'))
  }

  return {
    look: async () => {
      const overdue = await overduePages(pool, openForMs, MAX_PAGES)
      if (overdue.pages.length === 0) {
        watch = undefined
        return idleMs
      }
      watch ??= await begin(overdue.pages, overdue.now)
      if (!(await hasSettled(watch))) return watchMs
      // Only now: what is open after all has passed.
      const { pages } = await overduePages(pool, openForMs, MAX_PAGES)
      const lost = lostPages(watch, pages, topics.raw).slice(0, PAGES_AT_A_TIME)
      if (lost.length > 0) await mend(deps, lost)
      else watch = undefined
      return lost.length > 0 ? 0 : idleMs
    },
  }
}

const positionOf = (topics: Topics, { adapter, rawPartition, rawOffset }: OpenPage) => ({
  topic: topics.raw(adapter),
  partition: rawPartition,
  offset: rawOffset,
})

/** What stands where a page should: by another run, or of another log, it is not this page. */
const isOf = ({ runId, rangeId, page, attempt }: OpenPage, { headers }: Message): boolean => {
  try {
    const origin = decodePageOrigin(headers)
    return origin.runId === runId && origin.rangeId === rangeId && origin.page === page && origin.attempt === attempt
  } catch {
    return false
  }
}

/** The messages of those pages that are still on the raw topic. */
const readPages = async ({ offsets, readAt, topics }: HealerDeps, pages: readonly OpenPage[]) => {
  const inLog = pages.filter(({ rawOffset }) => rawOffset >= 0n)
  const starts = await offsets.starts([...new Set(inLog.map(({ adapter }) => topics.raw(adapter)))])
  const positions = inLog
    .map((page) => positionOf(topics, page))
    .filter(({ topic, partition, offset }) => offset >= (starts.get(partitionKey(topic, partition)) ?? offset + 1n))
  const messages = await readAt(positions)
  return new Map(
    inLog.flatMap((page): [OpenPage, Message][] => {
      const message = messages.get(offsetKey(positionOf(topics, page)))
      return message !== undefined && isOf(page, message) ? [[page, message]] : []
    }),
  )
}

const mend = async (deps: HealerDeps, lost: readonly OpenPage[]): Promise<void> => {
  const messages = await readPages(deps, lost)
  const events: SyncEvent[] = []
  for (const healing of planHealing(lost, (page) => messages.has(page))) events.push(...(await carryOut(deps, healing, messages)))
  if (events.length > 0) await deps.producer.send([eventMessages(deps.topics, events)])
}

const carryOut = async (
  deps: HealerDeps,
  healing: Healing,
  messages: ReadonlyMap<OpenPage, Message>,
): Promise<readonly SyncEvent[]> => {
  switch (healing.kind) {
    case 'produce':
      return (await produceAgain(deps, healing.page, messages.get(healing.page))) ? [healed(deps, healing.page, 'produced')] : []
    case 'rewind':
      return (await rewindRange(deps.pool, healing.pages)) ? healing.pages.map((page) => healed(deps, page, 'fetched')) : []
    case 'fail':
      return failEntity(deps, healing)
  }
}

const produceAgain = async ({ pool, producer, topics }: HealerDeps, page: OpenPage, message?: Message): Promise<boolean> => {
  if (message === undefined) return false
  const { key, value, headers } = message
  const again = { topic: topics.raw(page.adapter), partitions: RAW_PARTITIONS, messages: [{ key: key ?? '', value, headers }] }
  const [sent] = await producer.send([again], { compressed: true })
  return sent !== undefined && movePage(pool, page, { partition: sent.partition, offset: sent.baseOffset })
}

const factsOf = ({ runId, orgId, source }: OpenPage) => ({ at: new Date().toISOString(), runId, orgId, source })

const healed = ({ log }: HealerDeps, page: OpenPage, how: 'produced' | 'fetched'): SyncEvent => {
  const { entity, rangeId } = page
  const times = page.heals + 1
  const facts = { run: page.runId, org: page.orgId, entity, range: rangeId, page: page.page, times }
  log.warn(facts, how === 'produced' ? 'page vanished, produced again' : 'page vanished, to be fetched again')
  return { type: 'healed', ...factsOf(page), entity, rangeId, page: page.page, how, times }
}

const failEntity = async (
  { pool, log }: HealerDeps,
  { page, entity: { entity, state } }: Healing & { readonly kind: 'fail' },
): Promise<readonly SyncEvent[]> => {
  const reason = exhaustedReason(page, await unreadableSince(pool, page))
  const changed = await changeEntities(pool, page.runId, [{ entity, from: state, to: 'failed', reason, errorCode: 'internal' }])
  if (!changed.has(entity)) return []
  log.error({ run: page.runId, org: page.orgId, entity, range: page.rangeId, page: page.page, reason }, 'entity failed')
  return [{ type: 'entity', ...factsOf(page), entity, state: 'failed', reason }]
}
