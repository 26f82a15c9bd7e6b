// A trace as a page of text that reads from top to bottom: what it is, the way it took, its versions, what is wrong with it. Pure.
import type { PageKey } from '../ledger/landings.ts'
import type { TracedLetter } from '../ledger/trace.ts'
import type { Paint, Style } from './color.ts'
import { letterId } from './letter-choice.ts'
import type { AnsweredAt, LivePath } from './trace-live.ts'
import type { DeadLetterTrace, Trace, TracedParent, TraceState } from './trace-look.ts'
import type { Origin, TopicPlace } from './trace-page.ts'
import type { CanonicalPlace, Path } from './trace-path.ts'
import { count } from './words.ts'

const STATE_TEXT: Readonly<Record<TraceState, string>> = {
  row: 'a row',
  deleted: 'deleted',
  parked: 'parked: it waits for its parent',
  dead: 'dead: it is a dead letter and has no row',
  'on-its-way': 'on its way: on the topic, not yet merged',
  vanished: 'vanished: it was merged, and its row is not there',
  unknown: 'not known',
}

const STATE_STYLE: Readonly<Record<TraceState, Style>> = {
  row: 'green',
  deleted: 'yellow',
  parked: 'yellow',
  dead: 'red',
  'on-its-way': 'cyan',
  vanished: 'red',
  unknown: 'red',
}

const exact = (date: Date): string => date.toISOString().replace('T', ' ')
const NO_TIME = ''
const INDENT = ' '.repeat(2)
const TIME_WIDTH = exact(new Date(0)).length
const STEP_WIDTH = 10

/** One step of the way: when, what, and lines that say more. */
const step = (when: string, what: string, [first = '', ...more]: readonly string[]): readonly string[] => [
  `${INDENT}${when.padEnd(TIME_WIDTH)}  ${what.padEnd(STEP_WIDTH)}${first}`,
  ...more.map((line) => `${INDENT}${' '.repeat(TIME_WIDTH + 2 + STEP_WIDTH)}${line}`),
]

const GONE: Readonly<Record<TopicPlace['state'], string>> = {
  there: '',
  removed: ' (removed by retention)',
  unknown: ' (Kafka was not asked)',
}

const placeText = ({ topic, partition, offset, state }: TopicPlace): string =>
  `${topic}, partition ${partition}, offset ${offset}${GONE[state]}`

const originText = ({ runId, rangeId, page, attempt }: PageKey): string =>
  `run ${runId}, range ${rangeId}, page ${page}, attempt ${attempt}`

const indexText = ({ index, count: of }: Origin): string => `record ${index}${of === null ? '' : ` of ${of}`}, counted from 0`

const canonicalStep = (place: CanonicalPlace): readonly string[] =>
  step(exact(place.producedAt), 'mapped', [placeText(place), `key ${place.key}, schema id ${place.schemaId}`])

const attemptStep = (origin: Origin | null, page: PageKey | null): readonly string[] => {
  if (origin !== null) return step(NO_TIME, '', [originText(origin), indexText(origin)])
  return page === null ? [] : step(NO_TIME, '', [originText(page)])
}

const ANSWER_TEXT: Readonly<Record<AnsweredAt['said'], string>> = {
  there: 'the API has it',
  gone: 'the API does not have it',
  merged: 'the API does not have it, and lists it as merged',
}

const liveSteps = ({ delivery, answer }: LivePath): readonly string[] => [
  ...(delivery === null ? [] : step(exact(delivery.receivedAt), 'told', [`delivery ${delivery.event}`, placeText(delivery)])),
  ...(answer === null ? [] : step(exact(answer.askedAt), 'asked', [`by its id: ${ANSWER_TEXT[answer.said]}`, placeText(answer)])),
]

const wayHere = ({ origin, page, raw, live, canonical }: Path): readonly string[] => [
  ...(page === null ? [] : step(exact(page.observedAt), 'asked', [`GET ${page.request}`])),
  ...(page === null ? [] : step(exact(page.receivedAt), 'received', [`${count(page.bytes, 'byte')}, a page of ${page.entity}`])),
  ...(raw === null ? [] : step(NO_TIME, 'raw', [placeText(raw)])),
  ...(live === null ? [] : liveSteps(live)),
  ...attemptStep(origin, page),
  ...(canonical === null ? [] : canonicalStep(canonical)),
]

const gapLines = ({ gaps }: Path): readonly string[] => gaps.map((gap) => `${INDENT}${gap}`)

const mergedStep = ({ subject, path }: Trace): readonly string[] => {
  const { row, definition } = subject
  if (row === null || path === null || subject.parked !== null) return []
  const { writtenAt } = row
  const before = path.mergedBefore === null ? NO_TIME : `by ${exact(path.mergedBefore).slice(0, -5)}Z`
  const what = row.deletedAt === null ? 'merged' : 'deleted'
  const table = `canonical.${definition.canonical.entity.replaceAll('-', '_')}, id ${row.id}`
  return step(writtenAt === null ? before : exact(writtenAt), what, [
    table,
    ...(path.outcome === null ? [] : [`outcome: ${path.outcome}`]),
  ])
}

const fact = (name: string, value: string): string => `${INDENT}${name.padEnd(20)}${value}`

const versions = ({ subject }: Trace): readonly string[] => {
  const { row, parked } = subject
  const version = parked ?? row
  if (version === null) return []
  const { sourceUpdatedAt, observedAt, mappingRevision, contentHash, deletedAt } = version
  return [
    fact('source_updated_at', sourceUpdatedAt === null ? 'none' : exact(sourceUpdatedAt)),
    fact('observed_at', exact(observedAt)),
    fact('mapping_revision', String(mappingRevision)),
    fact('content_hash', contentHash),
    ...(deletedAt === null ? [] : [fact('deleted_at', exact(deletedAt))]),
    ...(row === null ? [] : [fact('first_run_id', row.firstRunId ?? 'none: it came with no run')]),
    ...(row === null ? [] : [fact('last_changed_run_id', row.lastChangedRunId ?? 'none: it came with no run')]),
  ]
}

const PARENT_TEXT: Readonly<Record<TracedParent['state'], string>> = {
  there: 'which is there',
  deleted: 'which is there, deleted',
  parked: 'which is parked itself',
  dead: 'which is a dead letter',
  unknown: 'which has not come',
}

const parentLines = ({ parents, subject }: Trace): readonly string[] =>
  parents.length === 0 || subject.parked === null
    ? []
    : [
        `Parked since ${exact(subject.parked.parkedAt)} for:`,
        ...parents.map(({ entity, externalId, id, state, reason }) => {
          const who = externalId === null ? `with the canonical id ${id}` : `${externalId} (${id})`
          return `${INDENT}${entity} ${who}, ${PARENT_TEXT[state]}${reason === null ? '' : `: ${reason}`}`
        }),
      ]

const stateOf = ({ state, outcome }: TracedLetter): string => (outcome === null ? state : `${state} (${outcome})`)

const letterLines = ({ letters }: Trace): readonly (readonly string[])[] =>
  letters.map(({ letter, place, path }: DeadLetterTrace) => [
    `Dead letter ${letterId(letter)}, ${stateOf(letter)}: ${letter.stage} [${letter.code}], ${letter.reason}`,
    ...wayHere(path),
    ...step(exact(letter.recordedAt), 'dead', [`${placeText(place)}, ${count(letter.bytes, 'byte')}`]),
    ...gapLines(path),
    ...(letter.state === 'open' ? [`See it with: syncline dlq show ${letterId(letter)}`] : []),
  ])

const unknownLines = ({ unknown, subject, state }: Trace): readonly string[] => {
  if (unknown === null) return []
  const { canonical, looked, elsewhere } = unknown
  const org = subject.orgId
  return [
    ...(canonical === null ? [] : canonicalStep(canonical)),
    `Looked at: ${looked.join('; ')}.`,
    ...elsewhere.map(
      ({ entity, source, externalId }) =>
        `There is a ${entity} ${externalId} of ${source}: syncline trace ${entity} ${externalId} --org ${org}`,
    ),
    ...(state === 'unknown'
      ? [`If the vendor has it, a sync brings it: syncline sync --org ${org} --select ${subject.definition.entity}`]
      : []),
    ...(state === 'vanished'
      ? [`See what else differs with: syncline verify --org ${org} --against-api --entity ${subject.definition.entity}`]
      : []),
  ]
}

export const traceText = (trace: Trace, paint: Paint): string => {
  const { subject, state, path } = trace
  const { definition, externalId, id, orgId, source } = subject
  const head = [
    `${paint(`${definition.entity} ${externalId ?? id} of ${orgId}/${source}`, 'bold')}: ${paint(STATE_TEXT[state], STATE_STYLE[state])}`,
    `canonical id ${id}`,
  ]
  const way = path === null ? [] : [...wayHere(path), ...mergedStep(trace), ...gapLines(path)]
  return [head, way, versions(trace), parentLines(trace), ...letterLines(trace), unknownLines(trace)]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}
