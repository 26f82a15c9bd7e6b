// Records that are to be asked for by their id: rows of the ledger in, answers on the live topic out, as records or as the news that
// there is none. Must hold: a row is settled when its answer is durable, and asked again in every other case (invariant 1).
import { arrivedParents, connectionRef, hasAsks, postponeAsks, settleAsks, type TakenAsk, takeAsks } from '../ledger/asks.ts'
import { CHANNELS } from '../ledger/signals.ts'
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Outages } from '../platform/health.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import type { Signals } from '../platform/signals.ts'
import { NO_TELEMETRY } from '../platform/telemetry.ts'
import { DEAD_LETTER_PARTITIONS, LIVE_PARTITIONS, type Topics } from '../topics/list.ts'
import { type Answer, type AskDeps, answerOf, postponeMs } from './ask.ts'
import type { Connections, VendorConnection } from './connections.ts'

export interface AskerDeps extends AskDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly topics: Topics
  readonly connections: Connections
  readonly workerId: string
  readonly signals: Pick<Signals, 'news'>
  readonly log: Logger
  readonly outages?: Outages
}

/** Taken from the ledger at once; asked of one connection at once. */
const MAX_TAKEN = 64
const AT_ONCE = 8
const LOOK_MS = 250
/** When there has been none for so long, it is looked less often. */
const QUIET_AFTER_MS = 30_000
const QUIET_LOOK_MS = 1_000
const AWAY_MS = 2_000

export interface Asker {
  /** Until the signal aborts and what is in hand is done; never throws. */
  run(): Promise<void>
  readonly isBusy: () => boolean
}

export const createAsker = (deps: AskerDeps): Asker => {
  const { pool, workerId, signals, log, signal, outages } = deps
  const news = signals.news([CHANNELS.asks], signal)
  const busy = new Map<string, Promise<void>>()

  /** How many were taken; undefined: there is none at all. */
  const take = async (): Promise<number | undefined> => {
    if (!(await hasAsks(pool))) return undefined
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
      let lastAt = performance.now()
      const lookMs = () => (performance.now() - lastAt < QUIET_AFTER_MS ? LOOK_MS : QUIET_LOOK_MS)
      /** What is asked for by a signal is taken at once; what was taken before, or waits for its time, is looked for again and again. */
      const look = async (): Promise<void> => {
        const taken = await take()
        back?.()
        back = undefined
        if (taken) {
          lastAt = performance.now()
          await pause(LOOK_MS, signal)
        } else await news.sleep(taken === undefined ? news.pace(lookMs()) : lookMs())
      }
      while (!signal.aborted) {
        await look().catch((error: unknown) => {
          log.debug({ reason: messageOf(error) }, 'asks not looked up')
          if (isDatabaseAway(error)) back ??= outages?.away('PostgreSQL')
          return pause(AWAY_MS, signal)
        })
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
    while (left.length > 0 && !signal.aborted) {
      const vendor = await connections.get(first.orgId, first.source)
      const some = left.slice(0, AT_ONCE)
      const answers = await Promise.all(some.map((ask) => answerOf(deps, vendor, ask)))
      await settle(deps, vendor, some, answers)
      left = left.slice(AT_ONCE)
    }
    await postponeAsks(
      pool,
      workerId,
      left.map((ask) => ({ ask, inMs: 0 })),
    )
  } catch (error) {
    if (!signal.aborted)
      log.warn({ connection: ref, asks: left.length, reason: messageOf(error) }, 'records not asked for, again later')
    const later = left.map((ask) => ({ ask, inMs: postponeMs(ask.failures), reason: messageOf(error) }))
    await postponeAsks(pool, workerId, later).catch((failure: unknown) =>
      log.debug({ reason: messageOf(failure) }, 'asks not given back: they are taken again'),
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
    answers.flatMap((answer) => (answer.kind === 'answered' && answer.topic === topic ? answer.messages : []))
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
  for (const answer of answers) {
    telemetry.add('syncline_asks_total', { outcome: answer.kind === 'answered' ? answer.outcome : answer.kind }, 1)
  }
  const later = asks.flatMap((ask, i) => {
    const answer = answers[i]
    return answer?.kind === 'later' ? [{ ask, ...answer }] : []
  })
  await postponeAsks(pool, workerId, later)
  const [first, ...others] = later.filter(({ reason }) => reason !== undefined)
  if (first === undefined) return
  log.warn({ org: first.ask.orgId, asks: 1 + others.length, reason: first.reason }, 'records not asked for, again later')
}
