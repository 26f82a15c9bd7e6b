// What commands share: settings, log, database and topics; opened once per command, closed at its end.
import { join } from 'node:path'
import { ACTOR_SETTING } from '../ledger/audit.ts'
import { migrateLedger } from '../ledger/migrate.ts'
import { type KeyRing, parseEncryptionKey } from '../ledger/secrets.ts'
import { ensureEncryptionKey, stackHome } from '../local/home.ts'
import { findStack } from '../local/stack.ts'
import { requireSettings, resolveConfig, type Settings } from '../platform/config.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { createPool, isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { migrateCanonical } from '../sinks/postgres/migrate.ts'
import { type Topics, topicsWithPrefix } from '../topics/list.ts'
import { operatorActor, workerActor } from './actor.ts'

export interface Runtime {
  readonly config: Settings
  readonly log: Logger
  readonly pool: Pool
  readonly topics: Topics
  /** Throws SynclineError('config') when there is none. */
  encryptionKey(): KeyRing
  /** Brings both schemas of the database to this version. */
  migrate(): Promise<void>
  close(): Promise<void>
}

const localSettings = async (home: string): Promise<Settings> => {
  const stack = await findStack(home)
  if (stack === undefined) return {}
  const { kafka, schemaRegistry, postgres, redis } = stack.addresses
  return {
    kafkaBrokers: kafka,
    schemaRegistryUrl: schemaRegistry,
    databaseUrl: postgres,
    redisUrl: redis,
    encryptionKey: ensureEncryptionKey(home),
  }
}

/** The settings of this folder and environment; `local` stands in for a running stack (used by `demo`). */
export const loadConfig = async (environment = process.env, flags: Settings = {}): Promise<Settings> =>
  resolveConfig({
    flags,
    environment,
    file: join(process.cwd(), 'syncline.config.json'),
    local: await localSettings(stackHome(environment)),
  })

export interface RuntimeOptions {
  readonly quiet?: boolean
  readonly maxConnections?: number
  /** Whom the audit trail names; default: the person at the command line. */
  readonly actor?: string
  /** Settings given on the command line. */
  readonly flags?: Settings
  readonly environment?: NodeJS.ProcessEnv
}

export const openRuntime = async (options: RuntimeOptions = {}): Promise<Runtime> => {
  const config = requireSettings(await loadConfig(options.environment, options.flags), 'databaseUrl')
  const log = createLogger(options.quiet ? 'warn' : config.logLevel)
  const pool = openPool(config.databaseUrl, options)
  return {
    config,
    log,
    pool,
    topics: topicsWithPrefix(config.topicPrefix ?? ''),
    encryptionKey: () => parseEncryptionKey(requireSettings(config, 'encryptionKey').encryptionKey, config.encryptionKeyOld),
    migrate: async () => {
      await migrateLedger(config.databaseUrl, log)
      await migrateCanonical(config.databaseUrl, log)
    },
    close: () => pool.end(),
  }
}

const openPool = (url: string, { maxConnections = 12, actor = operatorActor() }: RuntimeOptions): Pool =>
  createPool({ url, max: maxConnections, settings: { [ACTOR_SETTING]: actor } })

/** The same installation through connections of its own, for workers in the process of a command: what they do, they do, and not its user. */
export const asWorker = (runtime: Runtime): Runtime => {
  const { databaseUrl } = requireSettings(runtime.config, 'databaseUrl')
  const pool = openPool(databaseUrl, { actor: workerActor() })
  return { ...runtime, pool, close: () => pool.end() }
}

/** Runs a command with an open runtime and closes it whatever happens; PostgreSQL away is told as such. */
export const withRuntime = async <T>(work: (runtime: Runtime) => Promise<T>, options: RuntimeOptions = {}): Promise<T> => {
  const runtime = await openRuntime({ quiet: true, ...options })
  try {
    return await work(runtime)
  } catch (error) {
    if (!isDatabaseAway(error)) throw error
    throw new SynclineError('unavailable', `PostgreSQL cannot be reached: ${messageOf(error)}`, {
      cause: error,
      remedy: 'Check SYNCLINE_DATABASE_URL, or start the local stack with: syncline up --detach',
    })
  } finally {
    await runtime.close()
  }
}

/** As withRuntime, with the ledger at this version: what commands need that read or change runs. */
export const withLedger = <T>(work: (runtime: Runtime) => Promise<T>): Promise<T> =>
  withRuntime(async (runtime) => {
    await runtime.migrate()
    return work(runtime)
  })
