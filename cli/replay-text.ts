// What a replay found, as JSON lines and as text for people. Pure. Values are in it only where the examples have them.
import type { DifferenceKind } from '../sinks/postgres/difference.ts'
import type { Example } from '../sinks/postgres/rederived.ts'
import type { Reading } from './rederive.ts'
import type { Replay } from './replay.ts'
import { table } from './terminal.ts'
import { count, moment } from './words.ts'

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

interface Values {
  readonly table: unknown
  readonly topic: unknown
}

/** Of the columns that differ; where there is one side only, all that it has. Undefined when they were not asked for. */
const valuesOf = ({ columns, here, there }: Example): Readonly<Record<string, Values>> | undefined => {
  if (here === undefined || there === undefined) return undefined
  const names = columns ?? Object.entries(here ?? there ?? {}).flatMap(([name, value]) => (value === null ? [] : [name]))
  return Object.fromEntries(names.map((name) => [name, { table: here?.[name] ?? null, topic: there?.[name] ?? null }]))
}

const reachLines = ({ topic, reach }: Reading) =>
  reach.map((each) => ({
    type: 'replay-reach',
    topic,
    partition: each.partition,
    oldestOffset: Number(each.oldestOffset),
    oldestAt: isoOf(each.oldestAt),
    from: Number(each.from),
    to: Number(each.to),
  }))

const exampleLine = (example: Example) => {
  const { kind, id, source, externalId, columns } = example
  return { type: 'replay-difference', kind, id, source, externalId, columns, values: valuesOf(example) }
}

/** One line for each partition and example, and the totals. */
export const replayLines = ({ readings, comparison, examples, ...rest }: Replay) => [
  ...readings.flatMap(reachLines),
  ...examples.map(exampleLine),
  {
    type: 'replay',
    org: rest.orgId,
    entity: rest.entity,
    from: rest.from,
    since: isoOf(rest.sinceMs ?? null),
    reachesBackTo: isoOf(reachedOf(readings).at),
    complete: reachedOf(readings).complete,
    messages: readings.reduce((sum, { messages }) => sum + messages, 0),
    refused: readings.reduce((sum, { refused }) => sum + refused, 0),
    records: comparison.records,
    same: comparison.same,
    changed: comparison.counts.changed,
    onlyTopic: comparison.counts['only-topic'],
    onlyTable: comparison.counts['only-table'],
    newer: comparison.counts.newer,
    deleted: comparison.counts.deleted,
    parked: comparison.counts.parked,
    columns: comparison.columns,
    revision: rest.revision,
    applied: rest.applied,
    settled: rest.settled && { left: rest.settled.left, ...rest.settled.became },
  },
]

export interface Reached {
  /** Nothing has left the topics by age. */
  readonly complete: boolean
  /** Since when all is there, in ms since 1970; null: there is no message. */
  readonly at: number | null
}

/** A partition that lost its beginning reaches back to its oldest message; one that did not has all there ever was. */
export const reachedOf = (readings: readonly Reading[]): Reached => {
  const all = readings.flatMap(({ reach }) => reach)
  const cut = all.filter(({ oldestOffset }) => oldestOffset > 0n)
  const times = (cut.length > 0 ? cut : all).flatMap(({ oldestAt }) => oldestAt ?? [])
  if (times.length === 0) return { complete: cut.length === 0, at: null }
  return { complete: cut.length === 0, at: cut.length === 0 ? Math.min(...times) : Math.max(...times) }
}

const WORDS: Readonly<Record<DifferenceKind, readonly [what: string, becomes: string]>> = {
  changed: ['changed', 'the record replaces the row'],
  'only-topic': ['only on the topic', 'the row comes back'],
  'only-table': ['only in the table', 'stays'],
  newer: ['newer in the table', 'stays'],
  deleted: ['deleted since', 'stays deleted'],
  parked: ['waits for its parent', 'goes on waiting'],
}

/** Kinds in the order of the words. */
const KINDS: readonly DifferenceKind[] = ['changed', 'only-topic', 'only-table', 'newer', 'deleted', 'parked']

const countsText = ({ comparison, readings, sinceMs }: Replay): string => {
  const refused = readings.reduce((sum, each) => sum + each.refused, 0)
  const columns = Object.entries(comparison.columns).map(([name, n]) => `${name} ${n.toLocaleString('en-US')}`)
  return table(
    ['DIFFERENCE', 'RECORDS', 'WITH --apply', 'COLUMNS'],
    [
      ['same', comparison.same, '', ''],
      ...KINDS.filter(
        (kind) => kind === 'changed' || kind === 'only-topic' || kind === 'only-table' || comparison.counts[kind] > 0,
      ).map((kind) => [
        kind === 'only-table' && sinceMs !== undefined ? 'not written since' : WORDS[kind][0],
        comparison.counts[kind],
        WORDS[kind][1],
        kind === 'changed' ? columns.join(', ') : '',
      ]),
      ...(refused === 0 ? [] : [['cannot be read', refused, 'nothing', '']]),
    ],
  )
}

const exampleText = (example: Example): readonly string[] => {
  const { kind, id, source, externalId, columns } = example
  const names = columns === null ? '' : columns.length === 0 ? ': content_hash' : `: ${columns.join(', ')}`
  const values = Object.entries(valuesOf(example) ?? {}).map(
    ([name, { table, topic }]) => `    ${name}: ${JSON.stringify(table)} in the table, ${JSON.stringify(topic)} on the topic`,
  )
  return [`  ${WORDS[kind][0]}: ${source} ${externalId ?? 'without an external id'} (${id})${names}`, ...values]
}

const reachText = ({ topic, reach }: Reading): string =>
  table(
    ['TOPIC', 'PARTITION', 'OLDEST OFFSET', 'OF', 'READ FROM', 'TO'],
    [...reach]
      .sort((a, b) => a.partition - b.partition)
      .map((each) => [
        topic,
        each.partition,
        Number(each.oldestOffset),
        each.oldestAt === null ? 'empty' : moment(new Date(each.oldestAt)),
        Number(each.from),
        Number(each.to),
      ]),
  )

const headOf = ({ orgId, entity, from, readings, comparison }: Replay): string => {
  const messages = readings.reduce((sum, each) => sum + each.messages, 0)
  const read = from === 'raw' ? count(messages, 'page') : count(messages, 'message')
  return `${entity} of ${orgId}: ${count(comparison.records, 'record')} from ${read} of ${readings.map(({ topic }) => topic).join(', ')}.`
}

/** What a row that is only in the table may mean. */
const reachSentence = ({ readings, sinceMs }: Replay): string => {
  const { complete, at } = reachedOf(readings)
  const since = sinceMs === undefined ? '' : ` It was read from ${moment(new Date(sinceMs))} on.`
  if (at === null) return 'There is no message any more.'
  return complete
    ? `Nothing has left Kafka since the first message, of ${moment(new Date(at))}.${since}`
    : `All of it is there since ${moment(new Date(at))}: rows of before may be only in the table.${since}`
}

export const replayText = (result: Replay): string =>
  [
    headOf(result),
    '',
    countsText(result),
    ...(result.examples.length === 0 ? [] : ['', 'Examples:', ...result.examples.flatMap(exampleText)]),
    '',
    ...result.readings.map(reachText),
    reachSentence(result),
  ].join('\n')
