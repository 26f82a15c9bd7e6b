// A client with a cluster of the test's own: what our readers use of a client.
import type { Kafka } from 'kafkajs'

export const clientOf = (cluster: unknown): Kafka =>
  ({ [Symbol('private:Kafka:createCluster')]: () => cluster }) as unknown as Kafka
