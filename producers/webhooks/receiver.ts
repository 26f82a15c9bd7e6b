// The webhooks role: an HTTP server that takes deliveries and puts them on Kafka as they came. It has its own port, because it is the one
// part of Syncline that strangers reach: connections, headers, bodies and times are bounded before anything of a request is believed.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { claimAccount } from '../../ledger/accounts.ts'
import type { KeyRing } from '../../ledger/secrets.ts'
import { DatabaseClock } from '../../platform/database-clock.ts'
import { isSynclineError, messageOf, SynclineError } from '../../platform/errors.ts'
import { RoleHealth } from '../../platform/health.ts'
import { isKafkaAway } from '../../platform/kafka/client.ts'
import type { Producer } from '../../platform/kafka/producer.ts'
import { deferred, pause, persist, type Role } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../../platform/postgres.ts'
import { endsWithin, stopInOrder } from '../../platform/stopping.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../../platform/telemetry.ts'
import { type AnswerDeps, answerDelivery, isAddressKnown, OUTCOMES, type Outcome } from './answer.ts'
import { createBodies } from './bodies.ts'
import { createDeliveryWriter } from './delivery-writer.ts'
import { createEndpointBook, endpointReader } from './endpoint-book.ts'
import { createRefusals } from './refusals.ts'

export interface ReceiverDeps extends Pick<AnswerDeps, 'topics' | 'adapterOf'> {
  readonly pool: Pool
  readonly producer: Producer
  readonly encryptionKey: KeyRing
  readonly host: string
  /** 0: any free one; the log says which. */
  readonly port: number
  readonly log: Logger
  readonly health?: RoleHealth
  readonly telemetry?: Telemetry
}

/** Deliveries have some kilobytes; each is in memory until it is durable. */
const MAX_BODY_BYTES = 2 * 1024 * 1024
/** Of all together. What comes at a moment when that is used up comes again. */
const MAX_BYTES_IN_HAND = 32 * 1024 * 1024
const MAX_CONNECTIONS = 500
/** Headers and body together: who is slower is cut off. */
const REQUEST_TIMEOUT_MS = 10_000
const HEADERS_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 30_000
/** The API waits for an answer only so long; what becomes durable after it comes again, which does no harm. */
const ANSWER_WITHIN_MS = 5_000
const CLOCK_MS = 5_000

export const createReceiver = (deps: ReceiverDeps): Role => {
  const { pool, producer, host, port, log, telemetry = NO_TELEMETRY, health = new RoleHealth('webhooks') } = deps
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  const clock = new DatabaseClock()
  const refused = createRefusals(log)
  const book = createEndpointBook(endpointReader(pool, deps.encryptionKey, deps.adapterOf))
  const take = createBodies({ maxBytes: MAX_BODY_BYTES, maxInHand: MAX_BYTES_IN_HAND })
  const answers: AnswerDeps = {
    ...deps,
    book,
    writer: createDeliveryWriter(producer),
    claim: (source, account) => claimAccount(pool, source, account),
    now: () => clock.now(),
  }
  let underWay = 0
  let ticking: Promise<void> = Promise.resolve()

  const outcomeOf = async (request: IncomingMessage): Promise<Outcome> => {
    if (request.method !== 'POST') return 'unknown-address'
    const path = request.url ?? '/'
    // Before its body is read: who has no address has nothing to say.
    const looking = isAddressKnown(answers, path)
    if (!(await endsWithin(ANSWER_WITHIN_MS, looking))) return 'unavailable'
    if (!(await looking)) return 'unknown-address'
    const taken = await take(request)
    if (typeof taken === 'string') return taken
    const { body, release } = taken
    // Held until it is done with, though its answer may have been given before.
    const answering = answerDelivery(answers, { path, headers: request.headers, body }).finally(release)
    return (await endsWithin(ANSWER_WITHIN_MS, answering)) ? answering : 'unavailable'
  }

  const failed = (error: unknown): Outcome => {
    const isAway = isKafkaAway(error) || isDatabaseAway(error) || isSynclineError(error, 'unavailable')
    if (!isAway) log.error({ reason: messageOf(error) }, 'a delivery could not be taken')
    return 'unavailable'
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    underWay++
    try {
      const outcome = await timed(telemetry, 'syncline_webhook_seconds', {}, () => outcomeOf(request).catch(failed))
      telemetry.add('syncline_webhook_requests_total', { outcome }, 1)
      if (outcome !== 'accepted') refused(outcome, request.url ?? '/')
      answer(response, outcome)
      health.progress()
    } finally {
      underWay--
    }
  }

  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      // A connection that breaks while its body is read has nobody to answer.
      handle(request, response).catch(() => response.destroy())
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  health.watch({ hasWork: () => underWay > 0 })

  const tick = async (): Promise<void> => {
    let back: (() => void) | undefined
    while (!signal.aborted) {
      await pause(CLOCK_MS, signal)
      await clock.refresh(pool).then(
        () => {
          back?.()
          back = undefined
        },
        (error: unknown) => {
          log.debug({ reason: messageOf(error) }, 'clock not read')
          if (isDatabaseAway(error)) back ??= health.away('PostgreSQL')
        },
      )
    }
    back?.()
  }

  return {
    name: 'webhooks',
    failed: failure.promise,
    start: async () => {
      const read = () => clock.refresh(pool)
      await persist(read, { what: 'PostgreSQL', log, signal, isAway: isDatabaseAway, outages: health })
      await producer.connect()
      await listen(server, host, port)
      server.on('error', failure.reject)
      log.info({ host, port: portOf(server) }, 'webhooks are taken')
      ticking = tick()
    },
    stop: () => {
      stopping.abort()
      server.closeIdleConnections()
      return stopInOrder('webhooks', log, [
        { what: 'the deliveries in hand', end: () => closed(server) },
        { what: 'the clock', end: () => ticking },
        { what: 'the producer', end: producer.disconnect },
      ])
    },
  }
}

/** The body is for whoever looks into the API's log of its deliveries. */
const answer = (response: ServerResponse, outcome: Outcome): void => {
  const body = `${outcome}\n`
  const isUnread = outcome === 'too-large' || outcome === 'unavailable'
  response.writeHead(OUTCOMES[outcome], {
    'content-type': 'text/plain',
    'content-length': Buffer.byteLength(body),
    ...(outcome === 'unavailable' ? { 'retry-after': '30' } : {}),
    // What was not read may stand in the connection still.
    ...(isUnread ? { connection: 'close' } : {}),
  })
  response.end(body)
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  }).catch((cause: unknown) => {
    throw new SynclineError('config', `Cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      cause,
      remedy: 'Choose another with SYNCLINE_WEBHOOKS_PORT; each worker with the role webhooks on a machine needs its own.',
    })
  })

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
