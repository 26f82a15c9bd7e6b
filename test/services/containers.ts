// The four services as containers, of the versions of the embedded stack: for machines with Docker and without Java.
import { GenericContainer, getContainerRuntimeClient, Network, type StartedTestContainer, Wait } from 'testcontainers'
import { freePorts } from '../../local/ports.ts'
import type { StackAddresses } from '../../local/stack.ts'

export interface Containers {
  readonly addresses: StackAddresses
  end(): Promise<void>
}

const PASSWORD = 'test'

/** Errors: `without`, the reason why containers are needed at all, if no Docker daemon responds. */
export const startContainers = async (without: Error): Promise<Containers> => {
  await getContainerRuntimeClient().catch(() => {
    throw without
  })
  const network = await new Network().start()
  const starting = [startPostgresAndRegistry(network.getName()), startKafka(), startRedis()] as const
  const [{ postgres, registry }, kafka, redis] = await Promise.all(starting)
  return {
    addresses: {
      kafka: kafka.address,
      schemaRegistry: `http://${at(registry, 8080)}/apis/ccompat/v7`,
      postgres: `postgres://syncline:${PASSWORD}@${at(postgres, 5432)}/syncline`,
      redis: `redis://${at(redis, 6379)}`,
    },
    end: async () => {
      await Promise.all([registry, postgres, kafka.container, redis].map((container) => container.stop()))
      await network.stop()
    },
  }
}

const at = (container: StartedTestContainer, port: number): string => `${container.getHost()}:${container.getMappedPort(port)}`

const startPostgresAndRegistry = async (network: string): Promise<Record<'postgres' | 'registry', StartedTestContainer>> => {
  const postgres = await new GenericContainer('postgres:18')
    .withNetworkMode(network)
    .withNetworkAliases('postgres')
    .withEnvironment({ POSTGRES_USER: 'syncline', POSTGRES_PASSWORD: PASSWORD })
    .withExposedPorts(5432)
    // The first time is the server that only initialises.
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
    .start()
  await postgres.exec(['createdb', '--username=syncline', 'registry'])
  const registry = await new GenericContainer('quay.io/apicurio/apicurio-registry:3.0.9')
    .withNetworkMode(network)
    .withEnvironment({
      APICURIO_STORAGE_KIND: 'sql',
      APICURIO_STORAGE_SQL_KIND: 'postgresql',
      APICURIO_DATASOURCE_URL: 'jdbc:postgresql://postgres:5432/registry',
      APICURIO_DATASOURCE_USERNAME: 'syncline',
      APICURIO_DATASOURCE_PASSWORD: PASSWORD,
    })
    .withExposedPorts(8080)
    .withWaitStrategy(Wait.forHttp('/apis/ccompat/v7/subjects', 8080))
    .start()
  return { postgres, registry }
}

/** Kafka tells clients where it is, so its port on the host is chosen before it starts. */
const startKafka = async (): Promise<{ container: StartedTestContainer; address: string }> => {
  const [port = 0] = await freePorts(1)
  const container = await new GenericContainer('apache/kafka:4.1.0')
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_MESSAGE_MAX_BYTES: String(10 * 1024 * 1024),
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
    })
    .withExposedPorts({ container: 9092, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start()
  return { container, address: `${container.getHost()}:${port}` }
}

const startRedis = (): Promise<StartedTestContainer> =>
  new GenericContainer('redis:7')
    .withCommand(['redis-server', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start()
