// Apicurio Registry, spoken to through its Confluent-compatible API. Schemas and their ids live in a database, for the ids are in
// every record on the topics: in PostgreSQL of our stack, or, where PostgreSQL is not ours, in a file of the registry's own.
import { join } from 'node:path'
import { launch, type Service } from '../service.ts'

export interface RegistryDatabase {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

export interface SchemaRegistryOptions {
  readonly java: string
  readonly jar: string
  /** Asked before the start, which waits for the answer. Undefined: a file. */
  readonly database: () => Promise<RegistryDatabase | undefined>
}

const PROBE_TIMEOUT_MS = 2000

// A registry is asked a few times a minute: the quick compiler and the smallest collector start it fastest.
const JVM = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-XX:+ExitOnOutOfMemoryError']

const SETTINGS: Readonly<Record<string, string | number | boolean>> = {
  'quarkus.http.host': '127.0.0.1',
  'quarkus.http.access-log.enabled': false,
  'quarkus.banner.enabled': false,
  'quarkus.log.level': 'WARN',
  'quarkus.log.category."io.apicurio".level': 'WARN',
  // By default it opens 20 connections at once.
  'apicurio.datasource.jdbc.initial-size': 1,
  'apicurio.datasource.jdbc.min-size': 1,
  'apicurio.datasource.jdbc.max-size': 8,
}

export const schemaRegistry = (options: SchemaRegistryOptions): Service => ({
  name: 'schemaRegistry',
  start: async (context) => {
    const address = `http://127.0.0.1:${context.port}/apis/ccompat/v7`
    return launch('schemaRegistry', context, {
      command: {
        command: options.java,
        args: [...JVM, ...properties({ ...SETTINGS, 'quarkus.http.port': context.port }), '-jar', options.jar],
        cwd: context.dir,
        env: storage(context.dir, await options.database()),
      },
      address,
      probe: () => listSubjects(address),
    })
  },
})

const properties = (settings: typeof SETTINGS): string[] => Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)

// The password goes through the environment of the process, which only its owner can read; arguments are there for all.
const storage = (dir: string, database: RegistryDatabase | undefined): Record<string, string> =>
  database === undefined
    ? {
        APICURIO_STORAGE_KIND: 'sql',
        APICURIO_STORAGE_SQL_KIND: 'h2',
        APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(dir, 'registry')}`,
      }
    : {
        APICURIO_STORAGE_KIND: 'sql',
        APICURIO_STORAGE_SQL_KIND: 'postgresql',
        APICURIO_DATASOURCE_URL: `jdbc:postgresql://${database.host}:${database.port}/${database.database}`,
        APICURIO_DATASOURCE_USERNAME: database.user,
        APICURIO_DATASOURCE_PASSWORD: database.password,
      }

const listSubjects = async (address: string): Promise<void> => {
  const response = await fetch(`${address}/subjects`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
  await response.body?.cancel()
  if (response.status !== 200) throw new Error(`it answers with HTTP ${response.status}`)
}
