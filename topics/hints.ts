// A record that a webhook tells is a hint: true at some moment that no clock of ours has seen. What tells it apart stands in its
// version, so that topics, tables and parked rows keep it. docs/decisions/0015-hints-in-the-version.md says why.

/** A living hint is older than any observation of the same updated_at, and than any tombstone. */
export const HINT_OBSERVED_AT = 0
/** The same as a value in SQL. */
export const HINT_OBSERVED_AT_SQL = `to_timestamp(${HINT_OBSERVED_AT / 1000})`
/** A tombstone has no revision that counts; mappings begin at 1. */
export const HINT_REVISION = 0

export interface HintMarks {
  readonly observedAt: number
  readonly mappingRevision: number
  readonly deleted: boolean
}

export const isHint = ({ observedAt, mappingRevision, deleted }: HintMarks): boolean =>
  deleted ? mappingRevision === HINT_REVISION : observedAt === HINT_OBSERVED_AT
