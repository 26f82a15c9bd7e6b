// What goes to Kafka for one page of a range: the page as received, or a dead letter for a record that cannot be received whole.
import { randomBytes } from 'node:crypto'
import type { TakenRange } from '../ledger/ranges.ts'
import type { RangeSpec } from '../manifests/walk.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { rangeKey } from '../topics/commands.ts'
import { type DeadLetter, deadLetterMessage } from '../topics/dead-letters.ts'
import { encodePageOrigin } from '../topics/headers.ts'
import type { FetchedPage, OversizedRecord } from './page.ts'

/** Where in its range the page stands. */
export interface PagePlace {
  readonly range: TakenRange
  readonly spec: RangeSpec
  readonly page: number
}

const traceparent = (runId: string): string => `00-${runId.replaceAll('-', '')}-${randomBytes(8).toString('hex')}-01`

/** `gone`: the body is none of the source's, see manifests/tombstone.ts. */
export const rawMessage = (
  { range, spec, page }: PagePlace,
  body: Buffer,
  { observedAt, gone }: Pick<FetchedPage, 'observedAt' | 'gone'>,
): OutgoingMessage => {
  const { orgId, source, rangeId, runId, epoch: attempt } = range
  const { entity, carries } = spec
  const origin = { runId, orgId, source, entity, rangeId, page, attempt, observedAt, carries, traceparent: traceparent(runId) }
  const headers = encodePageOrigin(gone ? { ...origin, gone } : origin)
  return { key: rangeKey({ orgId, entity, rangeId }), value: body, headers }
}

/** The request as the ledger and dead letters name it. */
export const pathOf = ({ path, query }: FetchedPage['request']): string => {
  const search = new URLSearchParams(query).toString()
  return search === '' ? path : `${path}?${search}`
}

/** It has the record's beginning, and says which request yields it. */
export const oversizedLetter = (
  { range, spec, page }: PagePlace,
  { request, reason, received }: OversizedRecord,
): OutgoingMessage => {
  const { orgId, source, runId, rangeId, epoch: attempt } = range
  const value = received?.beginning ?? Buffer.alloc(0)
  const letter: DeadLetter = {
    orgId,
    source,
    entity: spec.entity,
    externalId: null,
    stage: 'fetch',
    code: 'too-large',
    reason: `${reason}; the first ${value.length} bytes are kept`,
    origin: { runId, rangeId, page, attempt, index: 0, count: 1 },
    request: pathOf(request),
    cut: received,
  }
  return deadLetterMessage(letter, value)
}
