// What an operator does about dead letters: each step is one guarded change of state, said who did it and when by PostgreSQL's
// clock. Rows are deleted by age alone (retention.ts).

import type { Queryable } from '../platform/postgres.ts'
import type { LetterPlace } from '../topics/dead-letters.ts'
import { recordAudit } from './audit.ts'

const PLACES = 'unnest($1::text[], $2::int[], $3::bigint[]) as i(topic, partition, "offset")'
const AT_PLACES = '(d.topic, d.partition, d."offset") = (i.topic, i.partition, i."offset")'

const placeValues = (places: readonly LetterPlace[]): unknown[] => [
  places.map(({ topic }) => topic),
  places.map(({ partition }) => partition),
  places.map(({ offset }) => offset.toString()),
]

/**
 * Marks letters before they are sent again; a replay that got lost may be repeated, one that was dropped taken back. Returns how
 * many were marked: those that were replayed meanwhile are not.
 */
export const markReplaying = async (client: Queryable, places: readonly LetterPlace[], actor: string): Promise<number> => {
  if (places.length === 0) return 0
  const { rowCount } = await client.query(
    `update sync.dead_letters d set state = 'replaying', acted_by = $4, acted_at = now(), drop_reason = null
     from ${PLACES} where ${AT_PLACES} and d.state <> 'replayed'`,
    [...placeValues(places), actor],
  )
  return rowCount ?? 0
}

export interface Drop {
  readonly orgId: string
  readonly places: readonly LetterPlace[]
  readonly actor: string
  readonly reason: string
}

/** Drops open letters of one organisation: the register keeps who, when and why. Returns how many were open. */
export const recordDrop = async (client: Queryable, { orgId, places, actor, reason }: Drop): Promise<number> => {
  if (places.length === 0) return 0
  const { rowCount } = await client.query(
    `update sync.dead_letters d set state = 'dropped', acted_by = $4, acted_at = now(), drop_reason = $5
     from ${PLACES} where ${AT_PLACES} and d.state = 'open' and d.org_id = $6`,
    [...placeValues(places), actor, reason, orgId],
  )
  const dropped = rowCount ?? 0
  const facts = { letters: dropped, reason }
  if (dropped > 0) await recordAudit(client, { orgId, actor, action: 'dead-letters.dropped', subject: 'dead-letters', facts })
  return dropped
}
