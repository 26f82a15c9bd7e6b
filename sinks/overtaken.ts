// Which records came behind a newer version of theirs: on the topic they may be the last of their key, which compaction keeps. What is
// done about it: docs/decisions/0022-overtaken-records.md.
import { ON_ITS_WAY } from '../ledger/asks.ts'
import { CLOCK_MARGIN, CLOCK_MARGIN_MS } from '../ledger/watermarks.ts'
import { isHint } from '../topics/hints.ts'
import { hintSql, isNewer, newerSql, type Version } from './version.ts'

const isToldAlive = (version: Version): boolean => !version.deleted && isHint(version)

/** When a version was seen; of one that was told, when the source says that it changed. In ms since 1970. */
export const seenAtOf = (version: Version): number =>
  isToldAlive(version) ? (version.sourceUpdatedAt ?? version.observedAt) : version.observedAt

/** What may lie between our clock and the source's. */
const marginMs = (a: Version, b: Version): number => (isToldAlive(b) && !isToldAlive(a) ? CLOCK_MARGIN_MS : 0)

/**
 * True when `a` is older than `b`, and `b` was seen when `a` was on its way. What was seen later and is older all the same (a source whose
 * updated_at goes back) was not overtaken.
 */
export const isOvertaken = (a: Version, b: Version): boolean =>
  a.contentHash !== b.contentHash && !isNewer(a, b) && seenAtOf(b) + marginMs(a, b) > seenAtOf(a)

const toldAliveSql = (row: string): string => `(${row}.deleted_at is null and ${hintSql(row)})`

const seenAtSql = (row: string): string =>
  `(case when ${toldAliveSql(row)} then ${row}.source_updated_at else ${row}.observed_at end)`

const marginSql = (a: string, b: string): string =>
  `(case when ${toldAliveSql(b)} and not ${toldAliveSql(a)} then ${CLOCK_MARGIN} else interval '0' end)`

/**
 * The same rule in SQL, of a record `a` with its origin that is not long on its way. An answer to a question is never asked after: an
 * API that contradicts itself would be asked for ever.
 */
export const overtakenSql = (a: string, b: string): string => `(
  ${a}.content_hash <> ${b}.content_hash and (${a}.run_id is not null or ${hintSql(a)}) and ${seenAtSql(a)} > now() - ${ON_ITS_WAY}
  and ${seenAtSql(b)} + ${marginSql(a, b)} > ${seenAtSql(a)} and not (${newerSql(a, b)}))`
