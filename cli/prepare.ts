// What an installation needs before anything is produced: tables, schemas and topics of this version. Made where they are missing.
import { adapters } from '../adapters/index.ts'
import { requireSettings } from '../platform/config.ts'
import { ensureTopics } from '../platform/kafka/admin.ts'
import { createKafka } from '../platform/kafka/client.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { createRegistry, type Registry, subjectOfTopic } from '../topics/registry.ts'
import type { Runtime } from './runtime.ts'

/** Resolves to the id of each schema, by entity. */
export const registerSchemas = ({ topics }: Runtime, registry: Registry): Promise<ReadonlyMap<string, number>> =>
  registry.register(canonicalEntities, (entity) => subjectOfTopic(topics.canonical(entity)))

/** Tables, schemas and topics as this version needs them. Throws 'incompatible' naming the difference, before anything is produced. */
export const prepareInstallation = async (runtime: Runtime): Promise<void> => {
  const { kafkaBrokers, schemaRegistryUrl } = requireSettings(runtime.config, 'kafkaBrokers', 'schemaRegistryUrl')
  await runtime.migrate()
  const registry = createRegistry(schemaRegistryUrl)
  await registerSchemas(runtime, registry).finally(() => registry.close())
  const kafka = createKafka({ brokers: kafkaBrokers.split(','), clientId: 'syncline', log: runtime.log })
  const wanted = runtime.topics.all(
    adapters.map((adapter) => adapter.name),
    canonicalEntities.map(({ entity }) => entity),
  )
  const { created, differences } = await ensureTopics(kafka, wanted)
  if (created.length > 0) runtime.log.debug({ topics: created.length }, 'topics created')
  for (const difference of differences) runtime.log.warn({}, difference)
}
