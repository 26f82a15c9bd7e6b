// A dead letter as lines: its JSON shape, and words for people. Pure.
import type { LetterCause, LetterState, RegisteredLetter } from '../ledger/dead-letter-search.ts'
import type { Style } from './color.ts'
import type { Column } from './columns.ts'
import { letterId } from './letter-choice.ts'
import { count, moment } from './words.ts'

/**
 * Why no replay of the letter can bring the record, with the next step; undefined: one may. What was too large to be received is on Kafka
 * only in its beginning, and under no id.
 */
export const unreplayable = (letter: RegisteredLetter): string | undefined => {
  if (letter.stage !== 'fetch') return undefined
  return [
    'Only the beginning of the record was received.',
    'Start the fetchers with a higher SYNCLINE_MAX_RESPONSE_BYTES, or have the record made smaller;',
    `get it with: syncline sync --org ${letter.orgId} --select ${letter.entity}.`,
    'A full sync that receives all records whole drops the letter.',
  ].join(' ')
}

export const letterFacts = (letter: RegisteredLetter) => ({
  type: 'dead-letter',
  id: letterId(letter),
  topic: letter.topic,
  partition: letter.partition,
  offset: letter.offset.toString(),
  org: letter.orgId,
  source: letter.source,
  entity: letter.entity,
  externalId: letter.externalId,
  stage: letter.stage,
  code: letter.code,
  reason: letter.reason,
  bytes: letter.bytes,
  state: letter.state,
  replayable: unreplayable(letter) === undefined && letter.state !== 'replayed',
  round: letter.round,
  ...letter.page,
  recordedAt: letter.recordedAt.toISOString(),
  ...(letter.outcome === null ? {} : { outcome: letter.outcome }),
  ...(letter.actedBy === null ? {} : { actedBy: letter.actedBy }),
  ...(letter.actedAt === null ? {} : { actedAt: letter.actedAt.toISOString() }),
  ...(letter.dropReason === null ? {} : { dropReason: letter.dropReason }),
})

export const causeFacts = ({ newest, ...cause }: LetterCause) => ({
  type: 'dead-letter-cause',
  ...cause,
  newest: newest.toISOString(),
})

const STATE_STYLES: Readonly<Record<LetterState, Style | undefined>> = {
  open: 'red',
  replaying: 'yellow',
  replayed: 'green',
  dropped: 'dim',
}

/** The state with what came of it: `replayed: merged`, `dropped by ana: test data`. */
export const stateText = ({ state, outcome, actedBy, dropReason }: RegisteredLetter): string => {
  if (state === 'replayed') return outcome === null ? state : `${state}: ${outcome}`
  if (state === 'dropped') return `${state} by ${actedBy ?? 'unknown'}: ${dropReason ?? 'no reason'}`
  return state === 'replaying' ? `${state} (by ${actedBy ?? 'unknown'})` : state
}

export const LETTER_COLUMNS: readonly Column<RegisteredLetter>[] = [
  { title: 'ID', cell: letterId },
  { title: 'ORG', cell: ({ orgId }) => orgId, keep: 4 },
  { title: 'ENTITY', cell: ({ entity }) => entity },
  { title: 'RECORD', cell: ({ externalId }) => externalId ?? '-' },
  { title: 'WHEN', cell: ({ recordedAt }) => moment(recordedAt), keep: 2 },
  { title: 'STAGE', cell: ({ stage }) => stage, keep: 3 },
  { title: 'CODE', cell: ({ code }) => code, keep: 5 },
  { title: 'STATE', cell: ({ state }) => state, style: ({ state }) => STATE_STYLES[state] },
  { title: 'REASON', cell: ({ reason }) => reason, min: 16, keep: 1 },
]

export const causeText = ({ entity, stage, code, reason, count: n }: LetterCause): string =>
  `  ${n.toLocaleString('en-US')} × ${entity}, ${stage} [${code}]: ${reason}`

/** Everything that the register has, as lines of `name  value`. */
export const letterLines = (letter: RegisteredLetter): readonly string[] => [
  `organisation  ${letter.orgId}, source ${letter.source}`,
  `record        ${letter.entity} ${letter.externalId ?? 'without a usable id'}`,
  `died          in stage ${letter.stage} [${letter.code}], recorded ${moment(letter.recordedAt)}`,
  `reason        ${letter.reason}`,
  ...(letter.page === null
    ? ['page          none: it belongs to no run']
    : [
        `run           ${letter.page.runId}`,
        `page          range ${letter.page.rangeId}, page ${letter.page.page}, attempt ${letter.page.attempt}, record ${letter.page.index}`,
      ]),
  `state         ${stateText(letter)}${letter.actedAt === null ? '' : `, ${moment(letter.actedAt)}`}`,
  ...(unreplayable(letter) === undefined ? [] : ['replay        cannot be: only the beginning of the record was received']),
  ...(letter.round === 0 ? [] : [`replayed      ${count(letter.round, 'time')} before`]),
]
