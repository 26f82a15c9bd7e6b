// Settings from flags, environment, file and defaults, in this order; checked once. An unknown key is an error that names the nearest.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { SynclineError } from './errors.ts'
import { suggest } from './suggest.ts'

export interface Setting {
  readonly schema: z.ZodType<string>
  /** Environment variables that give it, the first one set wins. */
  readonly variables: readonly [string, ...string[]]
  readonly description: string
  readonly default?: string
  /** Secrets come from the environment only: a file gets committed, a flag shows in the process list. */
  readonly secret?: true
}

/** With its headers a page of that size fits a message of the raw topics (topics/list.ts). */
const MAX_PAGE_BYTES = 7 * 1024 * 1024

/** The one list of settings; docs/configuration.md says the same (a test compares). */
export const SETTINGS = {
  kafkaBrokers: {
    schema: z.string().regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, 'must be host:port, several separated by commas'),
    variables: ['SYNCLINE_KAFKA_BROKERS'],
    description: 'Kafka brokers, host:port, several separated by commas',
  },
  schemaRegistryUrl: {
    schema: z.url(),
    variables: ['SYNCLINE_SCHEMA_REGISTRY_URL'],
    description: 'base URL of a Confluent-compatible schema registry',
  },
  databaseUrl: {
    schema: z.url({ protocol: /^postgres(ql)?$/ }),
    variables: ['SYNCLINE_DATABASE_URL', 'DATABASE_URL'],
    description: 'PostgreSQL, as postgres://user:password@host:port/database',
  },
  redisUrl: {
    schema: z.url({ protocol: /^rediss?$/ }),
    variables: ['SYNCLINE_REDIS_URL', 'REDIS_URL'],
    description: 'Redis, as redis://host:port',
  },
  encryptionKey: {
    schema: z.string().min(1),
    variables: ['SYNCLINE_ENCRYPTION_KEY'],
    description: 'key for tokens at rest: 32 bytes as base64 or hex',
    secret: true,
  },
  encryptionKeyOld: {
    schema: z.string().min(1),
    variables: ['SYNCLINE_ENCRYPTION_KEY_OLD'],
    description: 'a second key that secrets can be read with, while the key is changed (`syncline keys rotate`)',
    secret: true,
  },
  topicPrefix: {
    schema: z.string().regex(/^[A-Za-z0-9._-]{0,60}$/, 'may hold letters, digits, dots, underscores and dashes'),
    variables: ['SYNCLINE_TOPIC_PREFIX'],
    description: 'comes before every topic, consumer group and Redis key, unchanged',
    default: '',
  },
  logLevel: {
    schema: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
    variables: ['SYNCLINE_LOG_LEVEL'],
    description: 'silent, error, warn, info or debug',
    default: 'info',
  },
  metricsPort: {
    schema: z
      .string()
      .regex(/^\d{1,5}$/, 'must be a number')
      .refine((port) => Number(port) <= 65_535, 'must be at most 65535'),
    variables: ['SYNCLINE_METRICS_PORT'],
    description: 'port of `/live`, `/ready` and `/metrics` of `syncline worker`; 0: none',
    default: '0',
  },
  metricsHost: {
    schema: z.string().min(1),
    variables: ['SYNCLINE_METRICS_HOST'],
    description: 'address that this port listens on; `0.0.0.0` in a container',
    default: '127.0.0.1',
  },
  webhooksPort: {
    schema: z
      .string()
      .regex(/^\d{1,5}$/, 'must be a number')
      .refine((port) => Number(port) <= 65_535, 'must be at most 65535'),
    variables: ['SYNCLINE_WEBHOOKS_PORT'],
    description: 'port on which `syncline worker webhooks` takes deliveries; 0: any free one',
    default: '8480',
  },
  webhooksHost: {
    schema: z.string().min(1),
    variables: ['SYNCLINE_WEBHOOKS_HOST'],
    description: 'address that this port listens on; behind a proxy that ends TLS',
    default: '127.0.0.1',
  },
  webhooksUrl: {
    schema: z.url({ protocol: /^https?$/ }),
    variables: ['SYNCLINE_WEBHOOKS_URL'],
    description:
      'where `syncline worker webhooks` is reached from outside, as https://host or https://host/prefix; a source that is connected then has webhooks by default',
  },
  healAfterSeconds: {
    schema: z.string().regex(/^(\d{1,4}\.)?\d{1,4}$/, 'must be a number of seconds'),
    variables: ['SYNCLINE_HEAL_AFTER_SECONDS'],
    description: 'how long a page may lack records before it is looked for on Kafka',
    default: '15',
  },
  pauseAfterFailures: {
    schema: z.string().regex(/^\d{1,4}$/, 'must be a whole number'),
    variables: ['SYNCLINE_PAUSE_AFTER_FAILURES'],
    description: 'runs of a source that fail in a row before it is paused and operators are told; 0: never',
    default: '5',
  },
  keepRunsDays: {
    schema: z.string().regex(/^\d{1,4}$/, 'must be a whole number'),
    variables: ['SYNCLINE_KEEP_RUNS_DAYS'],
    description: 'days that the ledger keeps ended runs; 0: for good',
    default: '90',
  },
  notifyUrl: {
    schema: z.url({ protocol: /^https?$/ }),
    variables: ['SYNCLINE_NOTIFY_URL'],
    description: 'where operators are told of sources that were paused or recovered: JSON by POST; without it, in the log alone',
    secret: true,
  },
  deltaLookBackSeconds: {
    schema: z.string().regex(/^\d{1,6}$/, 'must be a whole number of seconds'),
    variables: ['SYNCLINE_DELTA_LOOK_BACK_SECONDS'],
    description: 'how far before its watermark a delta begins: for changes that the API shows later than their time says',
    default: '300',
  },
  maxDeletedPercent: {
    schema: z
      .string()
      .regex(/^\d{1,3}(\.\d{1,2})?$/, 'must be a percentage')
      .refine((percent) => Number(percent) <= 100, 'must be at most 100'),
    variables: ['SYNCLINE_MAX_DELETED_PERCENT'],
    description: 'the share of the rows of an entity that a reconciliation may delete without an approval',
    default: '5',
  },
  maxDeletedRows: {
    schema: z.string().regex(/^\d{1,6}$/, 'must be a number of rows'),
    variables: ['SYNCLINE_MAX_DELETED_ROWS'],
    description: 'so many rows of an entity a reconciliation may delete without an approval, whatever their share',
    default: '10',
  },
  maxResponseBytes: {
    schema: z
      .string()
      .regex(/^[1-9]\d{3,6}$/, 'must be a number of bytes')
      .refine((bytes) => Number(bytes) <= MAX_PAGE_BYTES, `must be at most ${MAX_PAGE_BYTES}, or no message holds a page`),
    variables: ['SYNCLINE_MAX_RESPONSE_BYTES'],
    description: `cap on one answer of an API, decompressed; at most ${MAX_PAGE_BYTES}`,
    default: '4194304',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS
export type Settings = Readonly<Partial<Record<SettingName, string>>>

export interface ConfigSources {
  readonly flags?: Settings
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Path of the configuration file; one that does not exist is empty. */
  readonly file: string
  /** Addresses of a running local stack: used where nothing else says. */
  readonly local?: Settings
}

const NAMES = Object.keys(SETTINGS)
// The keys of a const object are its type's keys.
const settingNames = NAMES as readonly SettingName[]

export const resolveConfig = ({ flags = {}, environment, file, local = {} }: ConfigSources): Settings => {
  const fromFile = readConfigFile(file)
  const resolved: Partial<Record<SettingName, string>> = {}
  for (const name of settingNames) {
    const setting: Setting = SETTINGS[name]
    const variable = setting.variables.find((v) => environment[v] !== undefined && environment[v] !== '')
    const value = flags[name] ?? (variable && environment[variable]) ?? fromFile[name] ?? local[name] ?? setting.default
    if (value === undefined) continue
    const parsed = setting.schema.safeParse(value)
    if (!parsed.success) throw invalid(name, variable ?? name, parsed.error)
    resolved[name] = parsed.data
  }
  return resolved
}

const invalid = (name: SettingName, where: string, error: z.ZodError): SynclineError =>
  new SynclineError('config', `The setting ${where} is not valid: ${error.issues[0]?.message ?? 'wrong'}.`, {
    remedy: `It is: ${SETTINGS[name].description}.`,
  })

const readConfigFile = (file: string): Settings => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return {}
  }
  const parsed = z.record(z.string(), z.string()).safeParse(parseJson(file, text))
  if (!parsed.success) {
    throw new SynclineError('config', `${file} must be one JSON object with texts as values: ${parsed.error.issues[0]?.message}.`)
  }
  for (const key of Object.keys(parsed.data)) checkKey(file, key)
  return parsed.data
}

const parseJson = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SynclineError('config', `${file} is not JSON.`, {
      cause,
      remedy: 'Mend it, or remove it to use the environment alone.',
    })
  }
}

const checkKey = (file: string, key: string): void => {
  const setting: Setting | undefined = settingNames.includes(key as SettingName) ? SETTINGS[key as SettingName] : undefined
  if (setting === undefined) {
    throw new SynclineError('usage', `${file} has an unknown key '${key}'.`, { remedy: suggest(key, NAMES) })
  }
  if (setting.secret) {
    throw new SynclineError('config', `${file} holds ${key}, which is a secret.`, {
      remedy: `Set ${setting.variables[0]} instead.`,
    })
  }
}

/** The settings named, all present; throws SynclineError('config') naming the first that is missing and both ways to give it. */
export const requireSettings = <Name extends SettingName>(
  config: Settings,
  ...names: readonly Name[]
): Settings & Readonly<Record<Name, string>> => {
  const missing = names.find((name) => config[name] === undefined)
  if (missing !== undefined) {
    throw new SynclineError('config', `No ${missing} is set and no local stack is running.`, {
      remedy: `Start one with: syncline up --detach; or set ${SETTINGS[missing].variables[0]}.`,
    })
  }
  // Checked just above.
  return config as Settings & Readonly<Record<Name, string>>
}
