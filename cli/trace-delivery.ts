// Whether a delivery tells of a record, and of this version of it: its body and the record go in, the event that does comes out. Pure.
import type { Manifest, SourceRecord, ToldEvent } from '../manifests/manifest.ts'
import { mapRecord } from '../manifests/map.ts'
import { split } from '../manifests/split.ts'
import { parseExactJson } from '../platform/exact-json.ts'
import type { RowVersion } from '../sinks/postgres/find-row.ts'
import { HINT_OBSERVED_AT } from '../topics/hints.ts'
import type { Wanted } from './trace-page.ts'

type Told = ToldEvent & { readonly kind: 'changed' | 'removed' | 'ask' }

const isReadable = (event: ToldEvent): event is Told => event.kind !== 'unknown' && event.kind !== 'broken'

/** None where this version cannot read it: then it has told nothing. */
const eventsIn = ({ deliveries }: Manifest, body: Buffer): readonly Told[] => {
  try {
    return (deliveries?.read(parseExactJson(body.toString())) ?? []).filter(isReadable)
  } catch {
    return []
  }
}

const recordIn = (manifest: Manifest, event: Told & { kind: 'changed' | 'removed' }, id: string): SourceRecord | undefined =>
  split(manifest, event.entity, [], event.document)
    .get(event.entity)
    ?.find(({ externalId }) => externalId === id)

/** The event of a delivery that is about the record, whatever it says of it. */
export const eventAbout = (manifest: Manifest, { definition, externalId }: Wanted, body: Buffer): Told | undefined => {
  // Most deliveries are about others: their bytes tell, and need not be parsed.
  if (externalId === null || !body.includes(externalId)) return undefined
  return eventsIn(manifest, body).find((event) => {
    if (event.entity !== definition.entity) return false
    return event.kind === 'ask' ? event.externalIds.includes(externalId) : recordIn(manifest, event, externalId) !== undefined
  })
}

export interface Receipt {
  readonly event: Told
  /** By PostgreSQL's clock, in ms since 1970. */
  readonly receivedAt: number
}

/** No message of the version is older. Of a hint only the source knows when it was true. */
export const notBefore = ({ observedAt, sourceUpdatedAt }: RowVersion): Date =>
  observedAt.getTime() === HINT_OBSERVED_AT ? (sourceUpdatedAt ?? observedAt) : observedAt

/** Whether the version is what the event said. A deletion is of the moment of its receipt, a change of the record's own time. */
export const isToldBy = (
  manifest: Manifest,
  of: Wanted,
  { deletedAt, observedAt, sourceUpdatedAt }: RowVersion,
  { event, receivedAt }: Receipt,
): boolean => {
  if (deletedAt !== null) return event.kind === 'removed' && receivedAt === observedAt.getTime()
  const record = event.kind === 'changed' ? recordIn(manifest, event, of.externalId ?? '') : undefined
  const mapped = record && mapRecord(of.definition, record, { orgId: of.orgId, source: of.source, observedAt: HINT_OBSERVED_AT })
  return mapped?.ok === true && mapped.record.sourceUpdatedAt === (sourceUpdatedAt?.getTime() ?? null)
}
