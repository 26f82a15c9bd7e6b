// Records that are to be asked for by their id: rows of the ledger in, answers on the live topic out, as records or as the news that
// there is none. Must hold: a row is settled when its answer is durable, and asked again in every other case (invariant 1).
import { idsWalk } from '../adapters/core/paging/ids.ts'
import { arrivedParents, connectionRef, postponeAsks, settleAsks, type TakenAsk, takeAsks } from '../ledger/asks.ts'
import { pathById } from '../manifests/by-id.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { isSynclineError, messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Outages } from '../platform/health.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { backoffMs, pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { deadLetterMessage } from '../topics/dead-letters.ts'
import { DEAD_LETTER_PARTITIONS, LIVE_PARTITIONS, type Topics } from '../topics/list.ts'
import { encodeLiveOrigin } from '../topics/live.ts'
import type { Connections, VendorConnection } from './connections.ts'
import type { Limiter } from './limiter/limiter.ts'
import { fetchPage } from './page.ts'
import { traceparent } from './page-messages.ts'

export interface AskerDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly topics: Topics
  readonly limiter: Limiter
  readonly connections: Connections
  readonly workerId: string
  readonly now: () => number
  readonly log: Logger
  readonly signal: AbortSignal
  readonly outages?: Outages
  readonly telemetry?: Telemetry
}

/** Taken from the ledger at once; asked of one connection at once. */
const MAX_TAKEN = 64
const AT_ONCE = 8
const IDLE_MS = 250
const AWAY_MS = 2_000
/** A permit further away than this is not waited for: the others of the batch are let go, too. */
const MAX_PERMIT_WAIT_MS = 2_000
/** Of an ask that fails time after time. */
const MAX_POSTPONE_MS = 3_600_000

type Answer =
  | { readonly kind: 'answered'; readonly topic: 'live' | 'dead'; readonly message: OutgoingMessage; readonly outcome: string }
  /** It cannot be asked for, or need not be. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'later'; readonly inMs: number; readonly reason?: string }

export interface Asker {
  /** Until the signal aborts and what is in hand is done; never throws. */
  run(): Promise<void>
  readonly isBusy: () => boolean
}

export const createAsker = (deps: AskerDeps): Asker => {
  const { pool, workerId, log, signal, outages } = deps
  const busy = new Map<string, Promise<void>>()

  const take = async (): Promise<number> => {
    const taken = await takeAsks(pool, workerId, MAX_TAKEN, [...busy.keys()])
    for (const [ref, asks] of byConnection(taken)) {
      const work = workOff(deps, asks).finally(() => busy.delete(ref))
      busy.set(ref, work)
    }
    return taken.length
  }

  return {
    isBusy: () => busy.size > 0,
    run: async () => {
      let back: (() => void) | undefined
      while (!signal.aborted) {
        const taken = await take().catch((error: unknown) => {
          log.debug({ reason: messageOf(error) }, 'asks not looked up')
          if (isDatabaseAway(error)) back ??= outages?.away('PostgreSQL')
          return undefined
        })
        if (taken !== undefined) {
          back?.()
          back = undefined
        }
        await pause(taken === undefined ? AWAY_MS : IDLE_MS, signal)
      }
      back?.()
      await Promise.all(busy.values())
    },
  }
}

const byConnection = (asks: readonly TakenAsk[]): ReadonlyMap<string, readonly TakenAsk[]> => {
  const groups = new Map<string, TakenAsk[]>()
  for (const ask of asks) {
    const ref = connectionRef(ask)
    groups.set(ref, [...(groups.get(ref) ?? []), ask])
  }
  return groups
}

/** All of one connection, some at a time. What goes wrong leaves them in the ledger, to be taken again. */
const workOff = async (deps: AskerDeps, asks: readonly TakenAsk[]): Promise<void> => {
  const { pool, workerId, log, connections, signal } = deps
  const [first] = asks
  if (first === undefined) return
  const ref = connectionRef(first)
  let left = asks
  try {
    const arrived = await arrivedParents(pool, asks)
    await settleAsks(pool, workerId, arrived)
    left = asks.filter((ask) => !arrived.includes(ask))
    const vendor = await connections.get(first.orgId, first.source)
    while (left.length > 0 && !signal.aborted) {
      const some = left.slice(0, AT_ONCE)
      const answers = await Promise.all(some.map((ask) => answerOf(deps, vendor, ask)))
      await settle(deps, vendor, some, answers)
      left = left.slice(AT_ONCE)
    }
    await postponeAsks(pool, workerId, left, { inMs: 0 })
  } catch (error) {
    if (!signal.aborted)
      log.warn({ connection: ref, asks: left.length, reason: messageOf(error) }, 'records not asked for, again later')
    const failures = Math.max(...left.map((ask) => ask.failures))
    const later = { inMs: backoffMs(failures, { baseMs: 1_000, maxMs: MAX_POSTPONE_MS }), reason: messageOf(error) }
    await postponeAsks(pool, workerId, left, later).catch((failure: unknown) =>
      log.debug({ reason: messageOf(failure) }, 'asks not given back; free when the lease of this worker lapses'),
    )
  }
}

const settle = async (
  deps: AskerDeps,
  vendor: VendorConnection,
  asks: readonly TakenAsk[],
  answers: readonly Answer[],
): Promise<void> => {
  const { producer, topics, pool, workerId, log, telemetry = NO_TELEMETRY } = deps
  const messagesOf = (topic: 'live' | 'dead') =>
    answers.flatMap((answer) => (answer.kind === 'answered' && answer.topic === topic ? [answer.message] : []))
  const outgoing = [
    { topic: topics.live(vendor.adapter.name), partitions: LIVE_PARTITIONS, messages: messagesOf('live') },
    { topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages: messagesOf('dead') },
  ].filter(({ messages }) => messages.length > 0)
  await failpoint('ask.after-answer')
  if (outgoing.length > 0) await producer.send(outgoing)
  await failpoint('ask.after-send')
  await settleAsks(
    pool,
    workerId,
    asks.filter((_, i) => answers[i]?.kind !== 'later'),
  )
  for (const [i, answer] of answers.entries()) {
    telemetry.add('syncline_asks_total', { outcome: answer.kind === 'answered' ? answer.outcome : answer.kind }, 1)
    const ask = asks[i]
    if (answer.kind === 'later' && ask !== undefined) await postponeAsks(pool, workerId, [ask], answer)
  }
  const failed = answers.filter((answer) => answer.kind === 'later' && answer.reason !== undefined)
  const [first] = failed
  if (first?.kind !== 'later') return
  log.warn({ org: asks[0]?.orgId, asks: failed.length, reason: first.reason }, 'records not asked for, again later')
}

const definitionOf = (manifest: Manifest, entity: string): EntityDefinition | undefined =>
  manifest.definitions.find(({ canonical }) => canonical.entity === entity)

/** Asks once. A failure that will stay the same is asked again too, each time later: only an answer ends it. */
const answerOf = async (deps: AskerDeps, vendor: VendorConnection, ask: TakenAsk): Promise<Answer> => {
  const definition = definitionOf(vendor.adapter.manifest, ask.entity)
  const path = definition && pathById(definition, ask.externalId, ask.parents)
  if (definition === undefined || path === undefined) return { kind: 'dropped' }
  const walk = idsWalk([ask.externalId], () => ({ method: 'GET', path, query: {} }))
  const spec = { entity: definition.entity, walk: { kind: 'ids', ids: [ask.externalId] }, carries: [] } as const
  const permitDeadline = performance.now() + MAX_PERMIT_WAIT_MS
  const { failures } = ask
  const result = await fetchPage({ ...deps, vendor, walk, spec, permitDeadline, workClass: 'live', failures }, walk.start)
  const owner = { orgId: ask.orgId, source: ask.source, traceparent: traceparent() }
  const key = `${ask.orgId}/${ask.entity}/${ask.externalId}`
  switch (result.kind) {
    case 'page': {
      const observed = { ...owner, entity: definition.entity, observedAt: result.observedAt }
      const headers =
        result.body === null
          ? encodeLiveOrigin({ kind: 'gone', ...observed, externalId: ask.externalId })
          : encodeLiveOrigin({ kind: 'record', ...observed })
      const outcome = result.body === null ? 'gone' : 'record'
      return { kind: 'answered', topic: 'live', message: { key, value: result.body ?? Buffer.alloc(0), headers }, outcome }
    }
    case 'oversized':
      return {
        kind: 'answered',
        topic: 'dead',
        message: oversizedLetter(ask, path, result.reason, result.received),
        outcome: 'dead',
      }
    case 'wait':
      return { kind: 'later', inMs: result.afterMs, ...(result.reason === undefined ? {} : { reason: result.reason }) }
    case 'smaller':
      return { kind: 'later', inMs: 0 }
    case 'failed': {
      const { error } = result
      const baseMs = isSynclineError(error, 'auth', 'permission') ? 60_000 : 5_000
      return { kind: 'later', inMs: backoffMs(failures, { baseMs, maxMs: MAX_POSTPONE_MS }), reason: error.message }
    }
  }
}

const oversizedLetter = (
  { orgId, source, entity, externalId }: TakenAsk,
  request: string,
  why: string,
  cut:
    | { readonly beginning: Buffer; readonly readBytes: number; readonly sha256: string; readonly fullBytes: number | null }
    | undefined,
): OutgoingMessage => {
  const value = cut?.beginning ?? Buffer.alloc(0)
  const reason = `${why}; the first ${value.length} bytes are kept`
  return deadLetterMessage(
    { orgId, source, entity, externalId, stage: 'fetch', code: 'too-large', reason, origin: undefined, request, cut },
    value,
  )
}
