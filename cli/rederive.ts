// The records of one entity of one organisation, made again from a topic by the workers' own code: raw pages through the
// processor's transform, canonical messages as they are, both read as the sink reads them. What comes out stands in PostgreSQL.
import type { Manifest } from '../manifests/manifest.ts'
import type { Look } from '../platform/kafka/look.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { type OnMessages, type Reach, scanTopic } from '../platform/kafka/scan.ts'
import { createLiveTransform } from '../processors/live.ts'
import { createTransform, type Transform } from '../processors/transform.ts'
import { createGatherer } from '../sinks/gather.ts'
import type { Rederived } from '../sinks/postgres/rederived.ts'
import { createReader } from '../sinks/read.ts'
import type { CanonicalDecoder } from '../topics/canonical-codec.ts'
import type { Topics } from '../topics/list.ts'

export const ORIGINS = ['raw', 'canonical'] as const
export type Origin = (typeof ORIGINS)[number]

export interface RederiveDeps {
  readonly look: Look
  readonly topics: Topics
  readonly decoder: CanonicalDecoder
  /** Schema id of each canonical entity. */
  readonly schemaIds: ReadonlyMap<string, number>
  readonly into: Rederived
}

export interface Wanted {
  readonly orgId: string
  /** Canonical entity. */
  readonly entity: string
  readonly sinceMs: number | undefined
}

/** What was read of one topic. */
export interface Reading {
  readonly topic: string
  readonly reach: readonly Reach[]
  /** Pages of the organisation that may have records of the entity; messages of a canonical topic, of all organisations. */
  readonly messages: number
  /** What could not become a record. */
  readonly refused: number
}

const BATCH = { maxRecords: 10_000, maxBytes: 16 * 1024 * 1024 }
const MESSAGES_AT_A_TIME = 500

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Messages of the entity's canonical topic, read and gathered as by the sink, into batches for PostgreSQL. */
const createFeed = ({ topics, decoder, into }: RederiveDeps, entity: string) => {
  const reader = createReader(topics, decoder)
  const topic = topics.canonical(entity)
  let gatherer = createGatherer(BATCH, 0)
  let refused = 0

  const flush = async (): Promise<void> => {
    const { records, rejected } = gatherer.take()
    gatherer = createGatherer(BATCH, 0)
    refused += rejected.length
    await into.absorb(records)
  }
  const add = async (messages: readonly Message[]): Promise<void> => {
    await decoder.prepare(messages.map(({ value }) => value))
    const batch = { topic, partition: 0, generation: 0, messages, nextOffset: 0n }
    for (let at = 0; at < messages.length; at += MESSAGES_AT_A_TIME) {
      reader.read(batch, at, at + MESSAGES_AT_A_TIME, gatherer)
      await breathe()
    }
    if (gatherer.isFull) await flush()
  }
  const forget = async (ids: readonly string[]): Promise<void> => {
    await flush()
    await into.forget(ids)
  }
  return { add, forget, flush, refused: () => refused }
}

/** Neighbours with and without a value. */
const inRuns = (messages: readonly Message[]): Message[][] => {
  const runs: Message[][] = []
  for (const message of messages) {
    const last = runs.at(-1)
    if (last !== undefined && (last[0]?.value === null) === (message.value === null)) last.push(message)
    else runs.push([message])
  }
  return runs
}

/** From the entity's canonical topic. */
export const fromCanonical = async (deps: RederiveDeps, { entity, sinceMs }: Wanted): Promise<Reading> => {
  const feed = createFeed(deps, entity)
  const topic = deps.topics.canonical(entity)
  let count = 0
  const onMessages: OnMessages = async (_, messages) => {
    count += messages.length
    for (const run of inRuns(messages)) {
      // A record without a value was forgotten with its organisation: it must not come back.
      if (run[0]?.value === null) await feed.forget(run.flatMap(({ key }) => key ?? []))
      else await feed.add(run)
    }
  }
  const reach = await scanTopic(deps.look, { topic, sinceMs }, onMessages)
  await feed.flush()
  return { topic, reach, messages: count, refused: feed.refused() }
}

/** Names of the entities, as walked or carried, whose records become those of the canonical entity. */
const entitiesOf = (manifest: Manifest, entity: string): ReadonlySet<string> =>
  new Set(manifest.definitions.filter(({ canonical }) => canonical.entity === entity).map((definition) => definition.entity))

const isOfInterest = ({ headers }: Message, orgId: string, sources: readonly string[], names: ReadonlySet<string>): boolean => {
  if (headers['org'] !== orgId || !sources.includes(headers['source'] ?? '')) return false
  return [headers['entity'] ?? '', ...(headers['carries'] ?? '').split(',')].some((name) => names.has(name))
}

/** What a topic's messages become once more; those that are not of interest are passed over. */
const derive = async (
  deps: RederiveDeps,
  { entity, sinceMs }: Wanted,
  topic: string,
  transform: Transform,
  isWanted: (message: Message) => boolean,
): Promise<Reading> => {
  const feed = createFeed(deps, entity)
  let messages = 0
  let refused = 0
  const onMessages: OnMessages = async (_, all) => {
    for (const message of all.filter(isWanted)) {
      const { canonical, deadLetters } = transform(message)
      messages++
      refused += deadLetters.length
      // Without their origin: what is produced again belongs to no run.
      const { offset, timestamp } = message
      const made = canonical.get(entity) ?? []
      await feed.add(made.map(({ key, value }) => ({ key, value, headers: {}, offset, timestamp })))
    }
  }
  const reach = await scanTopic(deps.look, { topic, sinceMs }, onMessages)
  await feed.flush()
  return { topic, reach, messages, refused: refused + feed.refused() }
}

/**
 * From the pages of one adapter, walked or carried, and from the deliveries and answers beside them. Only those of the organisation's own
 * sources count. Of deliveries only the body tells what they are of: what died of them is none of this entity's.
 */
export const fromRaw = async (
  deps: RederiveDeps,
  wanted: Wanted,
  manifest: Manifest,
  sources: readonly string[],
): Promise<readonly Reading[]> => {
  const { orgId, entity } = wanted
  const parts = { manifest, schemaIds: deps.schemaIds, only: entity }
  const names = entitiesOf(manifest, entity)
  const pages = createTransform(parts)
  const isOfPages = (message: Message) => isOfInterest(message, orgId, sources, names)
  const live = createLiveTransform(parts)
  const ofLive: Transform = (message) => ({ ...live(message), deadLetters: [] })
  const isOfOwner = ({ headers }: Message) => headers['org'] === orgId && sources.includes(headers['source'] ?? '')
  return [
    await derive(deps, wanted, deps.topics.raw(manifest.adapter), pages, isOfPages),
    await derive(deps, wanted, deps.topics.live(manifest.adapter), ofLive, isOfOwner),
  ]
}
