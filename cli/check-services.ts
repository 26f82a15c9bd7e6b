// Whether the services of this installation are there and as this version needs them. Looks only: nothing is made or changed.
import { adapters } from '../adapters/index.ts'
import { LEDGER_MIGRATIONS } from '../ledger/migrate.ts'
import { requireSettings } from '../platform/config.ts'
import { SynclineError } from '../platform/errors.ts'
import { inspectTopics } from '../platform/kafka/admin.ts'
import { createKafka } from '../platform/kafka/client.ts'
import { type MigrationSet, pendingMigrations } from '../platform/migrations.ts'
import { connectRedis } from '../platform/redis.ts'
import { CANONICAL_MIGRATIONS } from '../sinks/postgres/migrate.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { createRegistry } from '../topics/registry.ts'
import { type Finding, findingOf } from './finding.ts'
import type { Runtime } from './runtime.ts'
import { count } from './words.ts'

/** Every registry gives its first schema this one; whether there is one, it answers. */
const SOME_SCHEMA = 1
const MADE_BY = 'Any worker makes what is missing when it starts: syncline worker all'
/** Of a new installation. */
const NOT_MADE = 'not made yet; the first worker makes it'

const database = async ({ pool }: Runtime): Promise<string> => {
  const { rows } = await pool.query<{ version: string }>("select current_setting('server_version') as version")
  return `PostgreSQL ${rows[0]?.version}`
}

const migrations =
  ({ pool }: Runtime, set: MigrationSet) =>
  async (): Promise<string> => {
    const pending = await pendingMigrations(pool, set)
    if (pending.length === 0) return 'as this version needs it'
    if (pending[0]?.startsWith('0001_')) return NOT_MADE
    throw new SynclineError('incompatible', `${count(pending.length, 'migration')} to be run, first ${pending[0]}`, {
      remedy: MADE_BY,
    })
  }

const topics = async ({ config, topics: names, log }: Runtime): Promise<string> => {
  const { kafkaBrokers } = requireSettings(config, 'kafkaBrokers')
  const wanted = names.all(
    adapters.map(({ name }) => name),
    canonicalEntities.map(({ entity }) => entity),
  )
  const kafka = createKafka({ brokers: kafkaBrokers.split(','), clientId: 'syncline', log })
  const { missing, differences } = await inspectTopics(kafka, wanted)
  if (differences.length > 0) {
    throw new SynclineError('incompatible', differences.join(' '), { remedy: 'Change the topic with kafka-configs.' })
  }
  if (missing.length === 0) return `${count(wanted.length, 'topic')}, partitions and settings as wanted`
  if (missing.length === wanted.length) return `answers; its topics are ${NOT_MADE}`
  throw new SynclineError('incompatible', `${count(missing.length, 'topic')} missing, first ${missing[0]}`, { remedy: MADE_BY })
}

const registry = async ({ config }: Runtime): Promise<string> => {
  const { schemaRegistryUrl } = requireSettings(config, 'schemaRegistryUrl')
  const client = createRegistry(schemaRegistryUrl)
  await client.writerSchema(SOME_SCHEMA).finally(() => client.close())
  return 'answers'
}

const redis = async ({ config, log }: Runtime): Promise<string> => {
  const { redisUrl } = requireSettings(config, 'redisUrl')
  const connection = await connectRedis(redisUrl, log)
  await connection.call('PING').finally(() => connection.close())
  return 'answers'
}

const key = ({ encryptionKey }: Runtime): string => {
  encryptionKey()
  return 'is one'
}

export const checkServices = async (runtime: Runtime): Promise<readonly Finding[]> => {
  const of = (subject: string) => ({ of: 'services', subject })
  const there = await findingOf(of('PostgreSQL'), () => database(runtime))
  const tables = there.ok
    ? [
        findingOf(of('tables of the ledger'), migrations(runtime, LEDGER_MIGRATIONS)),
        findingOf(of('canonical tables'), migrations(runtime, CANONICAL_MIGRATIONS)),
      ]
    : []
  const others = [
    findingOf(of('Kafka'), () => topics(runtime)),
    findingOf(of('schema registry'), () => registry(runtime)),
    findingOf(of('Redis'), () => redis(runtime)),
    findingOf(of('encryption key'), () => key(runtime)),
  ]
  return [there, ...(await Promise.all([...tables, ...others]))]
}
