// Where the four services are, and which of them the environment names already.
import { z } from 'zod'
import { SETTINGS } from '../platform/config.ts'

const AddressesSchema = z.strictObject({
  /** One or more `host:port`, separated by commas. */
  kafka: z.string().min(1),
  /** Base URL of the Confluent-compatible API. */
  schemaRegistry: z.url(),
  /** A `postgres://` URL with user, password and database. */
  postgres: z.url(),
  redis: z.url(),
})

export const StackAddressesSchema = AddressesSchema.readonly()
export const GivenAddressesSchema = AddressesSchema.partial().readonly()

export type StackAddresses = z.infer<typeof StackAddressesSchema>
export type GivenAddresses = z.infer<typeof GivenAddressesSchema>
export type ServiceName = keyof StackAddresses

export const SERVICE_NAMES = ['postgres', 'kafka', 'redis', 'schemaRegistry'] as const satisfies readonly ServiceName[]

/** How people call them. */
export const SERVICE_TITLES: Readonly<Record<ServiceName, string>> = {
  postgres: 'PostgreSQL',
  kafka: 'Kafka',
  redis: 'Redis',
  schemaRegistry: 'schema registry',
}

/** The variables that name a service, the first one set wins. */
export const ADDRESS_VARIABLES: Readonly<Record<ServiceName, readonly [string, ...string[]]>> = {
  postgres: SETTINGS.databaseUrl.variables,
  kafka: SETTINGS.kafkaBrokers.variables,
  redis: SETTINGS.redisUrl.variables,
  schemaRegistry: SETTINGS.schemaRegistryUrl.variables,
}

type Environment = Readonly<Record<string, string | undefined>>

/** The addresses that the environment names; a service named here is never started by us. */
export const addressesFromEnvironment = (environment: Environment): GivenAddresses => {
  const given: Partial<Record<ServiceName, string>> = {}
  for (const name of SERVICE_NAMES) {
    const value = ADDRESS_VARIABLES[name]
      .map((variable) => environment[variable])
      .find((each) => each !== undefined && each !== '')
    if (value !== undefined) given[name] = value
  }
  return given
}

/** All four, or undefined if any is missing. */
export const completeAddresses = (given: GivenAddresses): StackAddresses | undefined => {
  const { kafka, schemaRegistry, postgres, redis } = given
  if (kafka === undefined || schemaRegistry === undefined || postgres === undefined || redis === undefined) return undefined
  return { kafka, schemaRegistry, postgres, redis }
}

/** These addresses, except where others are given. */
export const withGiven = (addresses: StackAddresses, given: GivenAddresses): StackAddresses => ({
  kafka: given.kafka ?? addresses.kafka,
  schemaRegistry: given.schemaRegistry ?? addresses.schemaRegistry,
  postgres: given.postgres ?? addresses.postgres,
  redis: given.redis ?? addresses.redis,
})
