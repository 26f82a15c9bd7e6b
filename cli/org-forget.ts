// `syncline org forget`: everything of an organisation goes: rows, ledger, tokens and keys, and its records on canonical topics. Each step may
// be cut off and is begun again by calling it again.
import { Command } from 'commander'
import type { Kafka } from 'kafkajs'
import { adapters } from '../adapters/index.ts'
import { databaseTime } from '../ledger/database-time.ts'
import {
  deleteData,
  destroyKey,
  type Forgotten,
  findForgotten,
  finishForgetting,
  hasRows,
  markForgotten,
  noteTombstones,
} from '../ledger/forget.ts'
import { listConnections } from '../ledger/organisations.ts'
import { liveRoles } from '../ledger/workers.ts'
import { requireSettings } from '../platform/config.ts'
import { SynclineError } from '../platform/errors.ts'
import { armFailpoints, failpoint } from '../platform/failpoints.ts'
import { createKafka } from '../platform/kafka/client.ts'
import { withLook } from '../platform/kafka/look.ts'
import { createProducer } from '../platform/kafka/producer.ts'
import { pause } from '../platform/lifecycle.ts'
import { REQUEST_TIMEOUT_MS } from '../producers/request-timeout.ts'
import { ADDRESS_LIFE_MS } from '../producers/webhooks/endpoint-book.ts'
import { readersOf, removeReader } from '../sinks/postgres/readers.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { createCanonicalDecoder } from '../topics/canonical-codec.ts'
import { createRegistry } from '../topics/registry.ts'
import { parseOrgId, requireOrg } from './connection-choice.ts'
import { waitForGroup } from './group-wait.ts'
import { prepareInstallation } from './prepare.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { writeTombstones } from './tombstones.ts'
import { type Unsubscribed, unsubscribe } from './unsubscribe.ts'
import { count, moment } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline org forget acme --yes
  $ syncline org forget acme --yes --json

Needs workers (process and sink) for what is still on its way. Killed or given up half-way it does no harm: call it again.`

interface ForgetOptions {
  readonly yes?: boolean
  readonly json?: boolean
}

export const forgetCommand = (): Command =>
  new Command('forget')
    .description('remove everything of an organisation, rows and records on topics too')
    .argument('<id>')
    .option('--yes', 'really')
    .option('--json', 'print the report as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: ForgetOptions) => withRuntime((runtime) => forget(runtime, parseOrgId(id), options)))

const forget = async (runtime: Runtime, orgId: string, { yes, json }: ForgetOptions): Promise<void> => {
  armFailpoints(process.env)
  await runtime.migrate()
  const { pool } = runtime
  const begun = await findForgotten(pool, orgId)
  if (begun === undefined && !(await hasRows(pool, orgId))) await requireOrg(runtime, orgId)
  if (!yes) {
    throw new SynclineError(
      'usage',
      `This removes everything of ${orgId}: its rows, runs, credentials, and its records on Kafka.`,
      {
        remedy: `If that is what you want: syncline org forget ${orgId} --yes`,
      },
    )
  }
  await prepareInstallation(runtime)
  await markForgotten(pool, orgId)
  await failpoint('forget.after-mark')
  const connections = (await listConnections(pool)).filter((connection) => connection.orgId === orgId)
  const subscriptions = await unsubscribe(runtime, connections)
  await deleteData(pool, orgId)
  await destroyKey(pool, orgId)
  const readers = await removeReaders(runtime, orgId)
  say(`Rows, runs and keys of ${orgId} are gone. Waiting for what is still on its way …`)
  await failpoint('forget.after-rows')
  await untilProducersEnd(runtime, orgId)
  await forgetOnKafka(runtime, orgId)
  // What a process that was believed dead has written meanwhile.
  await deleteData(pool, orgId)
  await finishForgetting(pool, orgId)
  const done = await findForgotten(pool, orgId)
  if (done !== undefined) report(runtime, done, { json: json ?? false, subscriptions, readers })
}

/** Logins that could read its rows only. Returns their names. */
const removeReaders = async ({ pool }: Runtime, orgId: string): Promise<readonly string[]> => {
  const readers = await readersOf(pool, orgId)
  for (const reader of readers) await removeReader(pool, reader)
  return readers.map(({ role }) => role)
}

/** After so long a worker that does this has nothing of the organisation in hand any more, nor knows of it. */
const ENDS_WITHIN_MS: Readonly<Record<string, number>> = {
  fetch: REQUEST_TIMEOUT_MS + 10_000,
  webhooks: ADDRESS_LIFE_MS + 15_000,
}

/** A page or a delivery that was under way when the organisation was marked is on its topic: what comes after the tombstones stays. */
const untilProducersEnd = async ({ pool }: Runtime, orgId: string): Promise<void> => {
  const [roles, marked] = [await liveRoles(pool), await findForgotten(pool, orgId)]
  const longestMs = Math.max(0, ...Object.entries(ENDS_WITHIN_MS).map(([role, ms]) => (roles.has(role) ? ms : 0)))
  const sinceMs = (await databaseTime(pool)).getTime() - (marked?.forgottenAt.getTime() ?? 0)
  if (longestMs <= sinceMs) return
  say(`Waiting ${Math.ceil((longestMs - sinceMs) / 1_000)} s for requests and deliveries that are under way …`)
  await pause(longestMs - sinceMs)
}

const PATIENCE_MS = 60_000

const forgetOnKafka = async (runtime: Runtime, orgId: string): Promise<void> => {
  const { config, log, topics, pool } = runtime
  const { kafkaBrokers, schemaRegistryUrl } = requireSettings(config, 'kafkaBrokers', 'schemaRegistryUrl')
  const kafka = createKafka({ brokers: kafkaBrokers.split(','), clientId: 'syncline', log })
  const registry = createRegistry(schemaRegistryUrl)
  const producer = createProducer(kafka)
  try {
    await producer.connect()
    await untilPassed(runtime, kafka, orgId)
    const decoder = createCanonicalDecoder(registry.writerSchema)
    await withLook(kafka, async (look) => {
      for (const { entity } of canonicalEntities) {
        const what = { topic: topics.canonical(entity), entity, orgId }
        await writeTombstones({ look, producer, decoder }, what, async (written) => {
          await noteTombstones(pool, orgId, written)
          await failpoint('forget.after-tombstones')
        })
      }
    })
  } finally {
    await producer.disconnect().catch(() => undefined)
    registry.close()
  }
}

/** No page of it is on its way to a record any more, and no record to a table: a tombstone stays the last word. */
const untilPassed = async ({ topics }: Runtime, kafka: Kafka, orgId: string): Promise<void> => {
  const written = [...canonicalEntities.map(({ entity }) => topics.canonical(entity)), topics.deadLetters, topics.asks]
  // In this order: what the first two make is what the last one reads.
  const stages = [
    { role: 'process', group: topics.group('process'), topics: adapters.map(({ name }) => topics.raw(name)) },
    { role: 'process', group: topics.group('live'), topics: adapters.map(({ name }) => topics.live(name)) },
    { role: 'sink', group: topics.group('sink'), topics: written },
  ]
  for (const { role, ...stage } of stages) {
    const onProgress = (left: number) => say(`Before the end of its topics the ${role} workers have ${count(left, 'message')} …`)
    const left = await waitForGroup(kafka, { ...stage, patienceMs: PATIENCE_MS, onProgress })
    if (left === 0) continue
    throw new SynclineError(
      'unavailable',
      `The ${role} workers did not move on for a minute, with ${count(left, 'message')} to go.`,
      {
        remedy: `Start them with: syncline worker ${role}; then call again: syncline org forget ${orgId} --yes`,
      },
    )
  }
}

const DAY_MS = 86_400_000

/** How long a topic keeps what is on it, in days. */
const daysOf = ({ topics }: Runtime, name: string, setting: 'retention.ms' | 'min.compaction.lag.ms'): number => {
  const specs = topics.all(
    adapters.map((adapter) => adapter.name),
    canonicalEntities.map(({ entity }) => entity),
  )
  return Number(specs.find((spec) => spec.name === name)?.config[setting] ?? 0) / DAY_MS
}

interface Report {
  readonly json: boolean
  readonly subscriptions: readonly Unsubscribed[]
  readonly readers: readonly string[]
}

const report = (runtime: Runtime, done: Forgotten, { json, subscriptions, readers }: Report): void => {
  const { topics } = runtime
  const days = {
    raw: daysOf(runtime, topics.raw(adapters[0]?.name ?? ''), 'retention.ms'),
    deadLetters: daysOf(runtime, topics.deadLetters, 'retention.ms'),
    canonical: daysOf(runtime, topics.canonical('person'), 'min.compaction.lag.ms'),
  }
  const { orgId, forgottenAt, finishedAt, rows, parked, runs, deadLetters, tombstones } = done
  if (json) {
    const removed = { rows, parked, runs, deadLetters, tombstones, readers, subscriptions }
    const facts = { ...removed, keysDestroyed: true, keptOnTopicsForDays: days }
    printJson({
      type: 'org-forgotten',
      org: orgId,
      forgottenAt: forgottenAt.toISOString(),
      finishedAt: finishedAt?.toISOString(),
      ...facts,
    })
  }
  for (const line of [
    `${orgId} is forgotten since ${moment(forgottenAt)}.`,
    `Removed: ${count(rows, 'row')}, ${count(parked, 'parked row')}, ${count(runs, 'run')}, ${count(deadLetters, 'dead letter')} of the register; credentials and the key that they were under.`,
    ...(readers.length === 0 ? [] : [`Removed: ${count(readers.length, 'login')} of readers: ${readers.join(', ')}.`]),
    `Written: ${count(tombstones, 'tombstone')}; compaction removes the records on the canonical topics, ${days.canonical} days from now at the earliest.`,
    `Pages as received age out after ${days.raw} days, dead letters after ${days.deadLetters}.`,
    'A backup of PostgreSQL from before has its rows, and its credentials under the installation’s key: rotate that key and destroy the old one, and those are unreadable there too.',
    'What stays: the audit trail, without personal data. At the vendor, remove the app’s access or the token.',
  ])
    say(line)
}
