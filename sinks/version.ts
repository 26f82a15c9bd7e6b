// Which of two versions of a record stands (invariant 5). A total order among living versions, so that batches may come in any order.
import { HINT_OBSERVED_AT_SQL, HINT_REVISION, isHint } from '../topics/hints.ts'

export interface Version {
  /** ms since 1970; null where the source does not say. */
  readonly sourceUpdatedAt: number | null
  readonly observedAt: number
  readonly mappingRevision: number
  readonly deleted: boolean
  /** 32 hexadecimal digits; includes sourceUpdatedAt and deletedAt, so equal hashes mean equal records. */
  readonly contentHash: string
}

/**
 * True when `a` replaces `b`. The source's time decides, then ours, then the mapping; if either is a tombstone our time alone
 * does, and at the same time the tombstone stands. What is still equal is decided by the hash: arbitrary, but always the same.
 */
export const isNewer = (a: Version, b: Version): boolean => {
  if (a.deleted || b.deleted) {
    if (a.observedAt !== b.observedAt) return a.observedAt > b.observedAt
    if (a.deleted !== b.deleted) return a.deleted
    return a.contentHash > b.contentHash
  }
  const aUpdated = a.sourceUpdatedAt ?? Number.NEGATIVE_INFINITY
  const bUpdated = b.sourceUpdatedAt ?? Number.NEGATIVE_INFINITY
  if (aUpdated !== bUpdated) return aUpdated > bUpdated
  if (a.observedAt !== b.observedAt) return a.observedAt > b.observedAt
  if (a.mappingRevision !== b.mappingRevision) return a.mappingRevision > b.mappingRevision
  return a.contentHash > b.contentHash
}

const tombstone = (row: string): string => `(${row}.observed_at, ${row}.deleted_at is not null, ${row}.content_hash)`

/** The same rule in SQL, for two aliases of rows with the version columns. */
export const newerSql = (a: string, b: string): string => {
  const living = (row: string) =>
    `(coalesce(${row}.source_updated_at, '-infinity'), ${row}.observed_at, ${row}.mapping_revision, ${row}.content_hash)`
  return `case when ${a}.deleted_at is not null or ${b}.deleted_at is not null
    then ${tombstone(a)} > ${tombstone(b)} else ${living(a)} > ${living(b)} end`
}

/**
 * True where `a`, produced again under a revision of the mapping above b's, replaces `b`: of the same moment and later. A
 * tombstone has no revision that counts, so there the rule is as before, and takes in the very same version.
 */
export const replacesWhenRaisedSql = (a: string, b: string): string => {
  const living = (row: string) => `(coalesce(${row}.source_updated_at, '-infinity'), ${row}.observed_at)`
  return `case when ${a}.deleted_at is not null or ${b}.deleted_at is not null
    then ${tombstone(a)} >= ${tombstone(b)} else ${living(a)} >= ${living(b)} end`
}

/** A deletion that was told when it had been seen already knows less, and stands: of a person who was merged, not into whom. */
const isToldAgain = (told: Version, seen: Version): boolean => isHint(told) && !isHint(seen) && told.observedAt >= seen.observedAt

/**
 * True when one of the two is a hint and nothing says which of them is later: one is a tombstone, or both are of the same updated_at
 * with other content; or the hint says less than what it replaces. The newer by `isNewer` stands for now, and the API is asked.
 */
export const isDoubtful = (a: Version, b: Version): boolean => {
  if (a.contentHash === b.contentHash) return false
  if (a.deleted && b.deleted) return isToldAgain(a, b) || isToldAgain(b, a)
  if (!isHint(a) && !isHint(b)) return false
  return a.deleted || b.deleted || a.sourceUpdatedAt === b.sourceUpdatedAt
}

/** Whether it was told. */
export const hintSql = (row: string): string =>
  `(case when ${row}.deleted_at is null then ${row}.observed_at = ${HINT_OBSERVED_AT_SQL} else ${row}.mapping_revision = ${HINT_REVISION} end)`

const toldAgainSql = (told: string, seen: string): string =>
  `(${hintSql(told)} and not ${hintSql(seen)} and ${told}.observed_at >= ${seen}.observed_at)`

/** The same rule in SQL, for two aliases of rows with the version columns. */
export const doubtfulSql = (a: string, b: string): string => `(
  ${a}.content_hash <> ${b}.content_hash and (${hintSql(a)} or ${hintSql(b)}) and case
    when ${a}.deleted_at is null and ${b}.deleted_at is null then ${a}.source_updated_at is not distinct from ${b}.source_updated_at
    when ${a}.deleted_at is null or ${b}.deleted_at is null then true
    else ${toldAgainSql(a, b)} or ${toldAgainSql(b, a)} end)`
