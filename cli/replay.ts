// `syncline replay`: an entity's records made again from what stands on Kafka, without the API: the difference to the table, and on
// demand the differing records on their way to it by the normal merge. Must hold: no row is removed.
import { Command, Option } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { recordAudit } from '../ledger/audit.ts'
import type { Connection } from '../ledger/organisations.ts'
import { requireSettings } from '../platform/config.ts'
import { SynclineError } from '../platform/errors.ts'
import { createKafka } from '../platform/kafka/client.ts'
import { withLook } from '../platform/kafka/look.ts'
import { createProducer } from '../platform/kafka/producer.ts'
import { DIFFERENCE_KINDS } from '../sinks/postgres/difference.ts'
import { layoutByEntity } from '../sinks/postgres/layout.ts'
import { type Comparison, type Example, openRederived, type Rederived } from '../sinks/postgres/rederived.ts'
import { canonicalEntity } from '../topics/canonical.ts'
import { createCanonicalDecoder } from '../topics/canonical-codec.ts'
import { CANONICAL_PARTITIONS } from '../topics/list.ts'
import { createRegistry, subjectOfTopic } from '../topics/registry.ts'
import { requireOrg } from './connection-choice.ts'
import { produceAgain } from './produce-again.ts'
import { fromCanonical, fromRaw, ORIGINS, type Origin, type Reading, type RederiveDeps, type Wanted } from './rederive.ts'
import { exitCodeAfter, nextSteps } from './replay-steps.ts'
import { replayLines, replayText } from './replay-text.ts'
import { type Settled, settleReplay } from './replay-wait.ts'
import { parseLimit } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { parseSince } from './since.ts'
import { print, printJson, say } from './terminal.ts'

const EXAMPLES = `
raw makes the records again from the pages as received, by the mapping of this version; canonical takes them as they were mapped.
The newest version of each record is compared with its row. Rows that are only in the table are told and stay; so do rows that are
newer than the topic, and deleted ones. With --apply the others are produced to the canonical topic, under a revision of the mapping
above that of their rows; the sink merges them like any record, and what became of them is told. Let runs end first: what is on its
way counts as a difference. Without --values no value is printed: they may be personal data.

Examples:
  $ syncline replay --from raw --org acme --entity person
  $ syncline replay --from raw --org acme --entity person --since 36h --values --limit 3
  $ syncline replay --from canonical --org acme --entity household-membership --json | jq 'select(.type == "replay")'
  $ syncline replay --from raw --org acme --entity email --apply

Exit codes: 0 done, 1 the sink has not merged what was produced, 2 usage, 3 some of it is parked or a dead letter.`

interface ReplayOptions {
  readonly from: Origin
  readonly org: string
  readonly entity: string
  readonly since?: Date
  readonly dryRun?: boolean
  readonly apply?: boolean
  readonly wait: boolean
  readonly values?: boolean
  readonly limit: number
  readonly json?: boolean
}

export const replayCommand = (): Command =>
  new Command('replay')
    .addOption(new Option('--from <topic>', 'pages as received, or mapped records').choices(ORIGINS).makeOptionMandatory())
    .requiredOption('--org <id>', 'the organisation')
    .requiredOption('--entity <name>', 'the entity, e.g. person')
    .addOption(
      new Option('--since <when>', 'only what was written to Kafka since then: 36h, 7d, 2026-11-20').argParser((text) =>
        parseSince(text),
      ),
    )
    .addOption(new Option('--dry-run', 'only tell the difference (the default)').conflicts('apply'))
    .option('--apply', 'produce the differing records to their canonical topic, and wait until they are merged')
    .option('--no-wait', 'with --apply: leave it to the sink')
    .option('--values', 'print the values that differ too')
    .option('--limit <n>', 'so many examples of each kind at most', parseLimit, 10)
    .option('--json', 'print JSON lines: reach, examples, and the totals last')
    .addHelpText('after', EXAMPLES)
    .action((options: ReplayOptions) => withLedger((runtime) => replay(runtime, options)))

/** All that there is to tell. */
export interface Replay {
  readonly orgId: string
  readonly entity: string
  readonly from: Origin
  readonly sinceMs: number | undefined
  readonly readings: readonly Reading[]
  readonly comparison: Comparison
  readonly examples: readonly Example[]
  /** Revision of the mapping under which differing records are produced; null: there are none. */
  readonly revision: number | null
  /** Records produced; null: a dry run. */
  readonly applied: number | null
  /** Null when it was not waited for. */
  readonly settled: Settled | null
}

type Source = Pick<Connection, 'source' | 'adapter'>

const replay = async (runtime: Runtime, options: ReplayOptions): Promise<void> => {
  const { org: orgId, entity } = options
  const sinceMs = options.since?.getTime()
  const sources = sourcesOf(await requireOrg(runtime, orgId), canonicalEntity(entity).entity, orgId)
  const wanted: Wanted = { orgId, entity, sinceMs }
  const result = await withDeps(runtime, wanted, sources, async (deps, { apply, settle }) => {
    const readings = await read(deps, options.from, wanted, sources)
    const comparison = await deps.into.compare()
    const examples = await examplesOf(deps.into, options)
    const mending = comparison.counts.changed + comparison.counts['only-topic']
    const revision = mending === 0 ? null : Math.max(comparison.revision, revisionOf(sources, entity))
    if (options.apply && revision !== null) {
      // Before: who killed it half-way has still begun it.
      const facts = { from: options.from, revision, records: mending }
      await recordAudit(runtime.pool, { orgId, action: 'replay.applied', subject: entity, facts })
    }
    const applied = options.apply ? (revision === null ? 0 : await apply(revision)) : null
    const settled = applied && options.wait ? await settle() : null
    return { orgId, entity, from: options.from, sinceMs, readings, comparison, examples, revision, applied, settled }
  })
  process.exitCode = exitCodeAfter(result.settled)
  tell(result, options)
}

/** Those of the organisation's connections whose API has the entity. */
const sourcesOf = (connections: readonly Source[], entity: string, orgId: string): readonly Source[] => {
  const having = connections.filter(({ adapter }) =>
    adapterByName(adapter).manifest.definitions.some(({ canonical }) => canonical.entity === entity),
  )
  if (having.length > 0) return having
  throw new SynclineError('usage', `No connection of ${orgId} has ${entity}.`, { remedy: 'See them with: syncline org list' })
}

/** The highest revision of the mappings to the entity. */
const revisionOf = (sources: readonly Source[], entity: string): number => {
  const definitions = sources.flatMap(({ adapter }) => adapterByName(adapter).manifest.definitions)
  return Math.max(0, ...definitions.flatMap(({ canonical }) => (canonical.entity === entity ? [canonical.revision] : [])))
}

const read = async (
  deps: RederiveDeps,
  from: Origin,
  wanted: Wanted,
  sources: readonly Source[],
): Promise<readonly Reading[]> => {
  if (from === 'canonical') return [await fromCanonical(deps, wanted)]
  const readings: Reading[] = []
  for (const adapter of new Set(sources.map((each) => each.adapter))) {
    const own = sources.filter((each) => each.adapter === adapter).map(({ source }) => source)
    readings.push(...(await fromRaw(deps, wanted, adapterByName(adapter).manifest, own)))
  }
  return readings
}

const examplesOf = async (into: Rederived, { limit, since, values = false }: ReplayOptions): Promise<readonly Example[]> => {
  const examples: Example[] = []
  // With --since most rows were written before: they are counted, and no examples of anything.
  const kinds = DIFFERENCE_KINDS.filter((kind) => since === undefined || kind !== 'only-table')
  for (const kind of kinds) examples.push(...(await into.examples(kind, limit, values)))
  return examples
}

/** How what differs gets into the table. */
interface Mending {
  /** Produces it under this revision of the mapping; resolves to the number of records. */
  apply(revision: number): Promise<number>
  settle(): Promise<Settled>
}

/** Opens what reading and producing need, and closes it whatever happens. */
const withDeps = async <T>(
  { config, log, pool, topics }: Runtime,
  { orgId, entity }: Wanted,
  sources: readonly Source[],
  work: (deps: RederiveDeps, mending: Mending) => Promise<T>,
): Promise<T> => {
  const { kafkaBrokers, schemaRegistryUrl } = requireSettings(config, 'kafkaBrokers', 'schemaRegistryUrl')
  const layout = layoutByEntity.get(entity)
  if (layout === undefined) throw new SynclineError('internal', `${entity} has no table.`)
  const kafka = createKafka({ brokers: kafkaBrokers.split(','), clientId: 'syncline', log })
  const registry = createRegistry(schemaRegistryUrl)
  const producer = createProducer(kafka)
  const into = await openRederived(pool, layout, { orgId, sources: sources.map(({ source }) => source) })
  try {
    const schemaIds = await registry.register([canonicalEntity(entity)], (name) => subjectOfTopic(topics.canonical(name)))
    const decoder = createCanonicalDecoder(registry.writerSchema)
    return await withLook(kafka, (look) => {
      const deps: RederiveDeps = { look, topics, decoder, schemaIds, into }
      return work(deps, {
        apply: async (revision) => {
          await producer.connect()
          return produceAgain(deps, entity, revision, async (messages) => {
            await producer.send([{ topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, messages }])
          })
        },
        settle: () => settleReplay(kafka, topics, entity, into),
      })
    })
  } finally {
    into.close()
    await producer.disconnect().catch(() => undefined)
    registry.close()
  }
}

const tell = (result: Replay, options: ReplayOptions): void => {
  if (options.json) for (const line of replayLines(result)) printJson(line)
  else print(replayText(result))
  for (const line of nextSteps(result)) say(line)
}
