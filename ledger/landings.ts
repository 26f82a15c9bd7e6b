// What became of the records of a page attempt: bit strings that the sink ORs in, in the transaction of its merge (invariant 3).
import type { Queryable } from '../platform/postgres.ts'

export const OUTCOMES = ['merged', 'unchanged', 'stale', 'parked', 'dead'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface PageKey {
  readonly runId: string
  readonly rangeId: number
  readonly page: number
  readonly attempt: number
}

/** Outcomes of some records of one entity of one page attempt: disjoint strings of '0' and '1', `count` long, by index. */
export interface Landing extends PageKey, Readonly<Record<Outcome, string>> {
  readonly entity: string
  readonly count: number
}

/**
 * SQL: joins the page p that a landing is of, if it was accepted. By its key for each landing, which "offset 0" holds the planner to: it
 * knows nothing yet of a day's new partitions, and has joined all pages of a run with all of its landings. `runId`: where it is given,
 * only that day's partition is planned for.
 */
export const joinAcceptedPage = (landing: string, columns = '', runId = `${landing}.run_id`): string => `
  cross join lateral (select ${columns} from sync.pages p where p.run_id = ${runId} and p.range_id = ${landing}.range_id
    and p.page = ${landing}.page and p.attempt = ${landing}.attempt and p.accepted offset 0) p`

/**
 * ORs outcomes into the landing rows. A record keeps its first outcome: only bits that no outcome has yet are set
 * (a parked record and a replayed dead one get another by the moves below). A landing before its receipt creates the row; a run that
 * is unknown or has ended gets none, nor does a landing whose count contradicts the row's: it stays open and is named. Locks rows in
 * key order.
 */
export const recordLandings = async (client: Queryable, landings: readonly Landing[]): Promise<void> => {
  if (landings.length === 0) return
  await client.query(RECORD, [
    landings.map((l) => l.runId),
    landings.map((l) => l.rangeId),
    landings.map((l) => l.page),
    landings.map((l) => l.attempt),
    landings.map((l) => l.entity),
    landings.map((l) => l.count),
    ...OUTCOMES.map((outcome) => landings.map((l) => l[outcome])),
  ])
}

const NEW_BITS = (outcome: Outcome) =>
  `${outcome} = l.${outcome} | (excluded.${outcome} & ~(l.merged | l.unchanged | l.stale | l.parked | l.dead))`

const RECORD = `
  insert into sync.landings as l (run_id, range_id, page, attempt, entity, expected, ${OUTCOMES.join(', ')})
  select i.run_id, i.range_id, i.page, i.attempt, i.entity, i.expected, ${OUTCOMES.map((o) => `i.${o}::bit varying`).join(', ')}
  from unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
    as i(run_id, range_id, page, attempt, entity, expected, ${OUTCOMES.join(', ')})
  join sync.runs r on r.run_id = i.run_id and r.state in ('planned', 'running', 'paused')
  order by i.run_id, i.range_id, i.page, i.attempt, i.entity
  on conflict (run_id, range_id, page, attempt, entity) do update set ${OUTCOMES.map(NEW_BITS).join(', ')}
  where l.expected = excluded.expected`

/** One parked record that has found its parent, was overtaken by a newer one, or died all the same: its bit moves from `parked` to `to`. */
export interface Move extends PageKey {
  readonly entity: string
  readonly index: number
  readonly to: Exclude<Outcome, 'parked'>
}

/** A dead record that was replayed: its bit moves from `dead` to `to`. */
export interface Revival extends PageKey {
  readonly entity: string
  readonly index: number
  readonly to: Exclude<Outcome, 'dead'>
}

const moveStatement = (from: Outcome, targets: readonly Outcome[]): string => `
  with moved as (
    select run_id, range_id, page, attempt, entity, array_agg(index) as indexes, array_agg(outcome) as outcomes
    from unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::int[], $7::text[])
      as m(run_id, range_id, page, attempt, entity, index, outcome)
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5),
  locked as (
    select l.run_id, l.range_id, l.page, l.attempt, l.entity, m.indexes, m.outcomes
    from sync.landings l join moved m using (run_id, range_id, page, attempt, entity)
    order by 1, 2, 3, 4, 5 for update of l)
  update sync.landings l set
    ${targets.map((to) => `${to} = sync.move_bits(l.${to}, l.${from}, k.indexes, k.outcomes, '${to}')`).join(',\n    ')},
    ${from} = sync.clear_bits(l.${from}, k.indexes)
  from locked k
  where (l.run_id, l.range_id, l.page, l.attempt, l.entity) = (k.run_id, k.range_id, k.page, k.attempt, k.entity)`

const MOVE = moveStatement('parked', ['merged', 'unchanged', 'stale', 'dead'])
const REVIVE = moveStatement('dead', ['merged', 'unchanged', 'stale', 'parked'])

const moveBits = async (client: Queryable, statement: string, moves: readonly (Move | Revival)[]): Promise<void> => {
  if (moves.length === 0) return
  await client.query(statement, [
    moves.map((m) => m.runId),
    moves.map((m) => m.rangeId),
    moves.map((m) => m.page),
    moves.map((m) => m.attempt),
    moves.map((m) => m.entity),
    moves.map((m) => m.index),
    moves.map((m) => m.to),
  ])
}

/** Moves bits of parked records to their final outcome; a bit that is not parked (any more) is left alone. */
export const moveOutcomes = (client: Queryable, moves: readonly Move[]): Promise<void> => moveBits(client, MOVE, moves)

/** Moves bits of dead records that were replayed, of ended runs too; a bit that is not dead (any more) is left alone. */
export const reviveOutcomes = (client: Queryable, revivals: readonly Revival[]): Promise<void> =>
  moveBits(client, REVIVE, revivals)
