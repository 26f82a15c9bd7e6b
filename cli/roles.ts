// The roles of a worker, each composed from its parts here and nowhere else.
import { adapterByName, adapters } from '../adapters/index.ts'
import { createLeaseKeeper, type LeaseKeeper } from '../ledger/lease.ts'
import { CHANNELS } from '../ledger/signals.ts'
import { createOrchestrator } from '../orchestrator/orchestrator.ts'
import { builtProgram } from '../platform/built-program.ts'
import { requireSettings } from '../platform/config.ts'
import { armFailpoints } from '../platform/failpoints.ts'
import { outagesOf } from '../platform/health.ts'
import { collectLessOften } from '../platform/heap.ts'
import { createKafka, isKafkaAway } from '../platform/kafka/client.ts'
import { type ConsumerHandlers, type ConsumerOptions, createConsumer } from '../platform/kafka/consumer.ts'
import { createLogOffsets } from '../platform/kafka/offsets.ts'
import { createProducer } from '../platform/kafka/producer.ts'
import { createReadAt } from '../platform/kafka/read-at.ts'
import { persist, type Role } from '../platform/lifecycle.ts'
import { isDatabaseAway } from '../platform/postgres.ts'
import { connectRedis } from '../platform/redis.ts'
import { createSignals, type Signals } from '../platform/signals.ts'
import { endsWithin } from '../platform/stopping.ts'
import { supervise } from '../platform/supervise.ts'
import { uuidv7 } from '../platform/uuid.ts'
import { inItsThread, inThisThread, liveWorkOf } from '../processors/page-worker.ts'
import { createProcessor } from '../processors/processor.ts'
import { Connections } from '../producers/connections.ts'
import { createFetcher } from '../producers/fetcher.ts'
import { createLimiter } from '../producers/limiter/limiter.ts'
import { REQUEST_TIMEOUT_MS } from '../producers/request-timeout.ts'
import { createReceiver } from '../producers/webhooks/receiver.ts'
import { createSink } from '../sinks/sink.ts'
import { createRegistry } from '../topics/registry.ts'
import { createObservers, type Observers } from './observers.ts'
import { prepareInstallation, registerSchemas } from './prepare.ts'
import type { RoleName } from './role-names.ts'
import type { Runtime } from './runtime.ts'

/** Pages are compressed to a tenth on Kafka: a delivery must not unfold to more than memory is meant for. */
const PAGE_LIMITS = { maxBytesPerPartition: 128 * 1024, maxBytes: 1024 * 1024 }

const manifests = adapters.map((adapter) => adapter.manifest)

/** Of deliveries there are few, and each is waited for. */
const LIVE_PACE = { paceMs: 10 }

interface Parts {
  readonly make: (role: RoleName) => Role
  close(): void
}

/** What each waits for. */
const CHANNELS_OF: Readonly<Record<RoleName, readonly string[]>> = {
  orchestrate: [CHANNELS.runs, CHANNELS.progress, CHANNELS.schedules, CHANNELS.notifications],
  fetch: [CHANNELS.asks],
  process: [],
  sink: [CHANNELS.sweeps],
  webhooks: [],
}

const openParts = async (runtime: Runtime, observers: Observers, signals: Signals): Promise<Parts> => {
  const { log, pool, topics } = runtime
  const settings = requireSettings(
    runtime.config,
    'kafkaBrokers',
    'schemaRegistryUrl',
    'redisUrl',
    'databaseUrl',
    'healAfterSeconds',
    'pauseAfterFailures',
    'keepRunsDays',
    'deltaLookBackSeconds',
    'maxDeletedPercent',
    'maxDeletedRows',
    'maxResponseBytes',
    'webhooksHost',
    'webhooksPort',
  )
  const kafka = createKafka({ brokers: settings.kafkaBrokers.split(','), clientId: 'syncline', log })
  const registry = createRegistry(settings.schemaRegistryUrl)
  const redis = await connectRedis(settings.redisUrl, log, { outages: outagesOf(observers.healthsOf('fetch')) })
  const limiter = createLimiter({ redis, logger: log, keyPrefix: topics.prefix, requestTimeoutMs: REQUEST_TIMEOUT_MS })
  const consumerOf =
    (role: 'fetch' | 'process' | 'sink', options: Partial<ConsumerOptions> = {}) =>
    (names: readonly string[], handlers: ConsumerHandlers) => {
      const { telemetry } = observers.of(role)
      return createConsumer(kafka, { groupId: topics.group(role), topics: names, log, telemetry, ...options }, handlers)
    }
  const connections = () =>
    new Connections({
      pool,
      log,
      telemetry: observers.of('fetch').telemetry,
      limiter,
      encryptionKey: runtime.encryptionKey(),
      adapterOf: adapterByName,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      maxResponseBytes: Number(settings.maxResponseBytes),
    })

  const make = (role: RoleName): Role => {
    const observer = observers.of(role)
    const producer = createProducer(kafka, observer.telemetry)
    switch (role) {
      case 'orchestrate':
        return createOrchestrator({
          ...observer,
          pool,
          signals,
          producer,
          offsets: createLogOffsets(kafka),
          readAt: createReadAt(kafka),
          openForMs: Number(settings.healAfterSeconds) * 1000,
          maxFailures: Number(settings.pauseAfterFailures),
          keepRunsDays: Number(settings.keepRunsDays),
          notifyUrl: settings.notifyUrl,
          lookBackMs: Number(settings.deltaLookBackSeconds) * 1000,
          deletions: { percent: Number(settings.maxDeletedPercent), rows: Number(settings.maxDeletedRows) },
          topics,
          manifestOf: (name) => adapterByName(name).manifest,
          log,
        })
      case 'fetch':
        return createFetcher({
          ...observer,
          pool,
          signals,
          producer,
          consumer: consumerOf('fetch'),
          topics,
          limiter,
          connections: connections(),
          log,
        })
      case 'process':
        return createProcessor({
          ...observer,
          pages: {
            producer,
            consumer: consumerOf('process', PAGE_LIMITS),
            openWorker: (schemaIds) =>
              inItsThread(builtProgram('cli/page-thread', import.meta.url), { prefix: topics.prefix, schemaIds }, { log }),
          },
          live: {
            producer: createProducer(kafka, observer.telemetry),
            consumer: consumerOf('process', { ...LIVE_PACE, groupId: topics.group('live') }),
            openWorker: (schemaIds) => inThisThread(liveWorkOf(topics, manifests, schemaIds)),
          },
          topics,
          adapters: adapters.map((adapter) => adapter.name),
          registerSchemas: () => registerSchemas(runtime, registry),
          log,
        })
      case 'sink':
        return createSink({
          ...observer,
          pool,
          signals,
          producer,
          consumer: consumerOf('sink'),
          topics,
          writerSchemas: registry.writerSchema,
          log,
        })
      case 'webhooks':
        return createReceiver({
          ...observer,
          pool,
          producer,
          topics,
          adapterOf: adapterByName,
          encryptionKey: runtime.encryptionKey(),
          host: settings.webhooksHost,
          port: Number(settings.webhooksPort),
          log,
        })
    }
  }

  return {
    make,
    close: () => {
      redis.close()
      registry.close()
    },
  }
}

/** For saying that the roles are gone; they lapse by themselves. */
const PRESENCE_MS = 500

/** Says which roles are live, for `status`. The fetcher has a lease of its own, on which the ranges that it holds depend. */
const createPresence = ({ pool, log }: Runtime, roles: readonly RoleName[]): LeaseKeeper =>
  createLeaseKeeper(
    pool,
    uuidv7(),
    roles.filter((role) => role !== 'fetch'),
    log,
  )

const serviceOf = (error: unknown): string | undefined => {
  if (isDatabaseAway(error)) return 'PostgreSQL'
  return isKafkaAway(error) ? 'Kafka' : undefined
}

/** Runs the roles in this process until the signal aborts; services that are away are waited for. */
export const runWorker = async (
  runtime: Runtime,
  roles: readonly RoleName[],
  signal: AbortSignal,
  observers = createObservers(roles),
): Promise<void> => {
  const { log } = runtime
  collectLessOften()
  armFailpoints(process.env)
  const isAway = (error: unknown) => serviceOf(error) !== undefined
  const outages = outagesOf(observers.healths)
  const prepare = () => prepareInstallation(runtime)
  const prepared = await persist(prepare, { what: 'PostgreSQL, Kafka or the schema registry', log, signal, isAway, outages })
    .then(() => true)
    .catch((error: unknown) => {
      if (signal.aborted) return false
      throw error
    })
  if (!prepared) return
  const signals = createSignals(
    runtime.pool,
    roles.flatMap((role) => CHANNELS_OF[role]),
    log,
  )
  const parts = await openParts(runtime, observers, signals)
  const presence = createPresence(runtime, roles)
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    await persist(() => presence.start(), { what: 'PostgreSQL', log, signal, isAway, outages })
    const running = roles.map((role) => {
      const { health } = observers.of(role)
      return supervise(() => parts.make(role), { log, signal: stopping.signal, isAway, health, serviceOf })
    })
    // One role that is lost ends the others too: a process is whole or gone.
    for (const role of running) role.catch(stop)
    const ends = await Promise.allSettled(running)
    const lost = ends.find((end) => end.status === 'rejected')
    if (lost !== undefined) throw lost.reason
  } finally {
    await endsWithin(PRESENCE_MS, Promise.all([presence.stop(), signals.close()]))
    parts.close()
  }
}
