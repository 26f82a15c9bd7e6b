// Replays of dead letters that have come to an end: go in what became of the records, in the transaction of their merge; the letters
// end as 'replayed'. Must hold: a letter is settled once, and only what it was marked for replay for (invariant 2).
import type { Queryable } from '../platform/postgres.ts'
import { decodePlace, encodePlace, type LetterPlace } from '../topics/dead-letters.ts'
import type { Outcome, Revival } from './landings.ts'

/** One record that came with a replay. `place` as `encodePlace` has it. */
export interface Answer {
  readonly place: string
  readonly outcome: Outcome
}

export interface SettledReplays {
  /** Round of the letter that follows from a replay that failed again; undefined: there is none, it is not recorded. */
  nextRound(of: LetterPlace): number | undefined
  /** Outcomes of the records that were dead. */
  readonly revivals: readonly Revival[]
}

const NONE: SettledReplays = { nextRound: () => undefined, revivals: [] }

const SETTLE = `
  with answers as (
    select d.topic, d.partition, d."offset", i.outcome
    from unnest($1::text[], $2::int[], $3::bigint[], $4::text[]) as i(topic, partition, "offset", outcome)
    join sync.dead_letters d on (d.topic, d.partition, d."offset") = (i.topic, i.partition, i."offset")
    where d.state = 'replaying' order by 1, 2, 3 for update of d)
  update sync.dead_letters d set state = 'replayed', outcome = a.outcome, acted_at = now()
  from answers a where (d.topic, d.partition, d."offset") = (a.topic, a.partition, a."offset")
  returning d.topic, d.partition, d."offset", d.entity, d.run_id, d.range_id, d.page, d.attempt, d.index, d.round, d.outcome`

interface SettledRow {
  topic: string
  partition: number
  offset: number
  entity: string
  run_id: string | null
  range_id: number
  page: number
  attempt: number
  index: number
  round: number
  outcome: Outcome
}

/** One answer a letter: of several, one that is not dead, because then the record is in its table. */
const byPlace = (answers: readonly Answer[]): ReadonlyMap<string, Outcome> => {
  const chosen = new Map<string, Outcome>()
  for (const { place, outcome } of answers) {
    const known = chosen.get(place)
    if (known === undefined || known === 'dead') chosen.set(place, outcome)
  }
  return chosen
}

const revivalOf = (row: SettledRow): Revival[] => {
  const { run_id: runId, range_id: rangeId, page, attempt, entity, index, outcome: to } = row
  return runId === null || to === 'dead' ? [] : [{ runId, rangeId, page, attempt, entity, index, to }]
}

/**
 * Letters whose replay ended as parked are waited for again, because their record dies after all: the letter that comes of it is one of
 * theirs, a round later. Places as `encodePlace` has them.
 */
export const reopenParked = async (client: Queryable, places: readonly string[]): Promise<void> => {
  const decoded = places.flatMap((text) => decodePlace(text) ?? [])
  if (decoded.length === 0) return
  await client.query(
    `update sync.dead_letters d set state = 'replaying', outcome = null
     from (select * from unnest($1::text[], $2::int[], $3::bigint[])) as i(topic, partition, "offset")
     where (d.topic, d.partition, d."offset") = (i.topic, i.partition, i."offset") and d.state = 'replayed' and d.outcome = 'parked'`,
    [
      decoded.map(({ topic }) => topic),
      decoded.map(({ partition }) => partition),
      decoded.map(({ offset }) => offset.toString()),
    ],
  )
}

export const settleReplays = async (client: Queryable, answers: readonly Answer[]): Promise<SettledReplays> => {
  const settled = [...byPlace(answers)].flatMap(([text, outcome]) => {
    const place = decodePlace(text)
    return place === undefined ? [] : [{ ...place, outcome }]
  })
  if (settled.length === 0) return NONE
  const { rows } = await client.query<SettledRow>(SETTLE, [
    settled.map(({ topic }) => topic),
    settled.map(({ partition }) => partition),
    settled.map(({ offset }) => offset.toString()),
    settled.map(({ outcome }) => outcome),
  ])
  const failed = new Map(
    rows
      .filter(({ outcome }) => outcome === 'dead')
      .map((row) => [encodePlace({ ...row, offset: BigInt(row.offset) }), row.round + 1]),
  )
  return { nextRound: (of) => failed.get(encodePlace(of)), revivals: rows.flatMap(revivalOf) }
}
