// A trace as one JSON object: the shape of `trace --json`.

import type { RowVersion } from '../sinks/postgres/find-row.ts'
import { letterId } from './letter-choice.ts'
import type { LivePath } from './trace-live.ts'
import type { DeadLetterTrace, Trace } from './trace-look.ts'
import type { TopicPlace } from './trace-page.ts'
import type { CanonicalPlace, Path } from './trace-path.ts'

const iso = (date: Date | null): string | null => date?.toISOString() ?? null

const versionLine = ({ sourceUpdatedAt, observedAt, mappingRevision, contentHash, deletedAt }: RowVersion) => ({
  sourceUpdatedAt: iso(sourceUpdatedAt),
  observedAt: iso(observedAt),
  mappingRevision,
  contentHash,
  deletedAt: iso(deletedAt),
})

const topicLine = ({ topic, partition, offset, state }: TopicPlace) => ({ topic, partition, offset: Number(offset), state })

const canonicalLine = (place: CanonicalPlace) => ({
  ...topicLine(place),
  key: place.key,
  schemaId: place.schemaId,
  producedAt: place.producedAt.toISOString(),
})

/** Path and query apart, so that a reader need not cut them. */
const requestLine = (request: string) => {
  const [path, query = ''] = request.split('?')
  return { method: 'GET', path, query: Object.fromEntries(new URLSearchParams(query)) }
}

const liveLine = ({ delivery, answer }: LivePath) => ({
  delivery: delivery && { ...topicLine(delivery), event: delivery.event, receivedAt: delivery.receivedAt.toISOString() },
  answer: answer && { ...topicLine(answer), said: answer.said, askedAt: answer.askedAt.toISOString() },
})

const pathLine = ({ origin, page, raw, live, canonical, outcome, mergedBefore, gaps }: Path) => ({
  origin,
  page:
    page === null
      ? null
      : {
          runId: page.runId,
          rangeId: page.rangeId,
          page: page.page,
          attempt: page.attempt,
          entity: page.entity,
          accepted: page.accepted,
          request: requestLine(page.request),
          observedAt: page.observedAt.toISOString(),
          receivedAt: page.receivedAt.toISOString(),
          bytes: page.bytes,
        },
  raw: raw === null ? null : topicLine(raw),
  ...(live === null ? {} : liveLine(live)),
  canonical: canonical === null ? null : canonicalLine(canonical),
  outcome,
  mergedBefore: iso(mergedBefore),
  gaps,
})

const letterLine = ({ letter, place, path }: DeadLetterTrace) => ({
  ...topicLine(place),
  stage: letter.stage,
  code: letter.code,
  reason: letter.reason,
  letter: letterId(letter),
  letterState: letter.state,
  bytes: letter.bytes,
  recordedAt: letter.recordedAt.toISOString(),
  ...pathLine(path),
})

export const traceLine = ({ subject, state, path, parents, letters, unknown }: Trace) => ({
  type: 'trace',
  org: subject.orgId,
  source: subject.source,
  entity: subject.definition.entity,
  externalId: subject.externalId,
  id: subject.id,
  state,
  row:
    subject.row === null
      ? null
      : {
          ...versionLine(subject.row),
          firstRunId: subject.row.firstRunId,
          lastChangedRunId: subject.row.lastChangedRunId,
          writtenAt: iso(subject.row.writtenAt),
        },
  parked:
    subject.parked === null
      ? null
      : { ...versionLine(subject.parked), parkedAt: subject.parked.parkedAt.toISOString(), waitsFor: parents },
  ...(path === null ? {} : pathLine(path)),
  deadLetters: letters.map(letterLine),
  ...(unknown === null
    ? {}
    : {
        canonical: unknown.canonical === null ? null : canonicalLine(unknown.canonical),
        looked: unknown.looked,
        elsewhere: unknown.elsewhere,
      }),
})
