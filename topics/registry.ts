// The schema registry: goes in the canonical schemas, come out their ids; and for readers, the schema that an id stands for.
// Must hold: a schema that the registry refuses is an error naming field and rule before anything is produced; every wait ends.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import fetch from 'node-fetch'
import { z } from 'zod'
import { isSynclineError, messageOf, SynclineError } from '../platform/errors.ts'
import type { CanonicalEntity } from './canonical.ts'
import { forbiddenChanges } from './schema-changes.ts'

const COMPATIBILITY_LEVEL = COMPATIBILITY.FULL_TRANSITIVE
const REQUEST_TIMEOUT_MS = 5_000
/** A look-up or registration with the client's retries; its promise alone may never settle when a response breaks off. */
const OPERATION_TIMEOUT_MS = 15_000
const UNKNOWN_ID_MS = 60_000
const MAX_UNKNOWN_IDS = 20_000

export interface Registry {
  /**
   * Registers the schema of each entity under its subject. Resolves to schema ids by entity.
   * Rejects with 'incompatible' (subject, field and rule in the message) or with 'unavailable'.
   */
  register(entities: readonly CanonicalEntity[], subjectOf: (entity: string) => string): Promise<ReadonlyMap<string, number>>
  /** The schema that an id stands for; undefined: there is none. Rejects with 'unavailable' when the registry is away. */
  writerSchema(schemaId: number): Promise<object | undefined>
  close(): void
}

/** Subject of a topic's values, as other teams' tools expect it. */
export const subjectOfTopic = (topic: string): string => `${topic}-value`

/** `url`: of the Confluent-compatible API, without a slash at the end. */
export const createRegistry = (address: string): Registry => {
  const { url, authorization } = withoutCredentials(address)
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, timeout: REQUEST_TIMEOUT_MS })
  const client = new SchemaRegistry({
    host: url,
    agent,
    retry: { retries: 2 },
    middlewares: [
      () => ({ prepareRequest: async (next) => (await next()).enhance({ timeout: REQUEST_TIMEOUT_MS, headers: authorization }) }),
    ],
  })
  const request = requesterOf(url, agent, authorization)
  return {
    register: async (entities, subjectOf) => {
      const ids = entities.map(
        async (entity): Promise<[string, number]> => [
          entity.entity,
          await registerOne(client, request, subjectOf(entity.entity), entity),
        ],
      )
      return new Map(await Promise.all(ids))
    },
    writerSchema: writerSchemas(client, request, url),
    close: () => agent.destroy(),
  }
}

const errorBodySchema = z.object({ error_code: z.number() })

/**
 * A refusal without the code that a registry's errors have comes from something before it (a proxy, a load balancer), and says
 * nothing of schemas: to be tried again. Above all a 404 must not make poison of good records.
 */
const isForeign = (status: number, body: unknown): boolean => status >= 400 && !errorBodySchema.safeParse(body).success

const unavailable = (url: string, cause: unknown): SynclineError =>
  new SynclineError('unavailable', `The schema registry at ${url} does not answer: ${messageOf(cause)}`, {
    remedy: 'Look whether it runs, and at SYNCLINE_SCHEMA_REGISTRY_URL.',
    cause,
  })

/** User and password of an address go into a header: they must not stand in a URL that an error may quote. */
const withoutCredentials = (address: string): { url: string; authorization: Record<string, string> } => {
  const url = new URL(address)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const plain = url.href.replace(/\/$/, '')
  if (username === '') return { url: plain, authorization: {} }
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return { url: plain, authorization: { authorization: `Basic ${basic}` } }
}

type Requester = (method: 'GET' | 'PUT', path: string, body?: object) => Promise<{ status: number; body: unknown }>

/** What the client has no public method for. */
const requesterOf =
  (url: string, agent: HttpAgent, authorization: Readonly<Record<string, string>>): Requester =>
  async (method, path, body) => {
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        agent,
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json', ...authorization },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const answer: unknown = await response.json()
      if (response.status >= 500 || isForeign(response.status, answer)) {
        throw new Error(`HTTP ${response.status} for ${method} ${path}`)
      }
      return { status: response.status, body: answer }
    } catch (cause) {
      throw unavailable(url, cause)
    }
  }

const registerOne = async (
  client: SchemaRegistry,
  request: Requester,
  subject: string,
  { schema }: CanonicalEntity,
): Promise<number> => {
  await requireCompatibility(request, subject)
  try {
    const registering = client.register(
      { type: SchemaType.AVRO, schema: JSON.stringify(schema) },
      { subject, compatibility: COMPATIBILITY_LEVEL },
    )
    return (await within(OPERATION_TIMEOUT_MS, registering)).id
  } catch (cause) {
    throw await refusalOf(request, subject, schema, cause)
  }
}

const configSchema = z.object({ compatibilityLevel: z.string() })

/**
 * Set on the subject first: a registry's own default may be weaker, and applies to the first version already.
 * Asked for again after setting it, because of two processes that set it at once one is refused, and both have it.
 */
const requireCompatibility = async (request: Requester, subject: string): Promise<void> => {
  const path = `/config/${encodeURIComponent(subject)}`
  const isSet = async (): Promise<boolean> => {
    const found = configSchema.safeParse((await request('GET', path)).body)
    return found.success && found.data.compatibilityLevel.toUpperCase() === COMPATIBILITY_LEVEL
  }
  if (await isSet()) return
  const { body } = await request('PUT', path, { compatibility: COMPATIBILITY_LEVEL })
  if (await isSet()) return
  const reason = serverMessage(body)
  throw new SynclineError('incompatible', `The schema registry does not let ${subject} be ${COMPATIBILITY_LEVEL}: ${reason}`)
}

const serverMessage = (body: unknown): string => {
  const parsed = z.object({ message: z.string() }).safeParse(body)
  return parsed.success ? parsed.data.message : 'it gives no reason'
}

const REFUSED = new Set([409, 422])

/** The client puts a status on its errors, 400 too when there was no answer at all. */
const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number' ? error.status : undefined

const refusalOf = async (request: Requester, subject: string, schema: object, cause: unknown): Promise<SynclineError> => {
  if (!REFUSED.has(statusOf(cause) ?? 0)) {
    return isSynclineError(cause)
      ? cause
      : new SynclineError('unavailable', `The schema registry did not take ${subject}: ${messageOf(cause)}`, { cause })
  }
  const changes = (await versionsOf(request, subject)).flatMap((version) => forbiddenChanges(version, schema))
  const named = new Map(changes.map(({ field, rule }) => [field, rule]))
  const what = [...named].map(([field, rule]) => `field '${field}': ${rule}`).join('; ')
  return new SynclineError(
    'incompatible',
    `The schema of ${subject} breaks ${COMPATIBILITY_LEVEL}: ${what === '' ? messageOf(cause) : what}`,
    {
      remedy: 'Keep the field as it was, or add one of another name with a default of null.',
      cause,
      details: { subject, fields: [...named.keys()] },
    },
  )
}

const versionNumbersSchema = z.array(z.int())
const versionBodySchema = z.object({ schema: z.string() })

const versionsOf = async (request: Requester, subject: string): Promise<readonly unknown[]> => {
  const path = `/subjects/${encodeURIComponent(subject)}/versions`
  const numbers = versionNumbersSchema.safeParse((await request('GET', path)).body)
  const versions: unknown[] = []
  for (const number of numbers.success ? numbers.data : []) {
    const parsed = versionBodySchema.safeParse((await request('GET', `${path}/${number}`)).body)
    if (parsed.success) versions.push(JSON.parse(parsed.data.schema))
  }
  return versions
}

/** Ids that the registry does not have are asked for again only after a while: a poison record must not cost a request each. */
const writerSchemas = (client: SchemaRegistry, request: Requester, url: string): Registry['writerSchema'] => {
  const unknownUntil = new Map<number, number>()
  return async (schemaId) => {
    if ((unknownUntil.get(schemaId) ?? 0) > performance.now()) return undefined
    try {
      const type: unknown = await within(OPERATION_TIMEOUT_MS, client.getSchema(schemaId))
      const schema: unknown = type instanceof avro.Type ? type.schema({ exportAttrs: true }) : undefined
      return typeof schema === 'object' && schema !== null ? schema : undefined
    } catch (cause) {
      // An error without a status is not the registry's: what it has under this id is no schema that can be used.
      const status = statusOf(cause)
      if (isSynclineError(cause) || (status ?? 404) !== 404) throw unavailable(url, cause)
      // The client does not tell whose 404 it was: asked again, somebody else's is an error.
      if (status === 404 && (await request('GET', `/schemas/ids/${schemaId}`)).status === 200) throw unavailable(url, cause)
      if (unknownUntil.size >= MAX_UNKNOWN_IDS) unknownUntil.clear()
      unknownUntil.set(schemaId, performance.now() + UNKNOWN_ID_MS)
      return undefined
    }
  }
}

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SynclineError('unavailable', `no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
