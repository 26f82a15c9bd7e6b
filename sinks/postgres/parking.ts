// Records whose parent is not there yet wait in sync.parked_*: one per id, the newest. Goes in what a merge could not write.
// Must hold: every record that a parked one stands for has an outcome; the one that loses its place moves from parked.
import type { Move } from '../../ledger/landings.ts'
import { plainArray, type Queryable } from '../../platform/postgres.ts'
import { decodeParents } from '../../topics/headers.ts'
import { layouts } from './layout.ts'
import type { EntityOutcomes } from './merge.ts'
import { compareParkedStatement, type OutcomeLetter, parkStatement, replaceParkedStatement } from './statements.ts'
import { cleanJson } from './text.ts'

/** Columns of the origin as PostgreSQL returns them; all null for a record that belongs to no run. */
export interface OriginRow {
  readonly run_id: string | null
  readonly range_id: number
  readonly page: number
  readonly attempt: number
  readonly index: number
}

export const moveOf = (entity: string, row: OriginRow, to: Move['to']): Move[] =>
  row.run_id === null
    ? []
    : [{ runId: row.run_id, rangeId: row.range_id, page: row.page, attempt: row.attempt, index: row.index, entity, to }]

interface Compared extends OriginRow {
  readonly pos: number
  readonly same: boolean
  readonly newer: boolean
  /** The parked row and the staged one are the same record of the same page attempt. */
  readonly own: boolean
  readonly doubtful: boolean
}

const letterOf = ({ own, same }: Compared): OutcomeLetter => (own ? 'p' : same ? 'u' : 's')

export interface Parked {
  readonly letters: readonly OutcomeLetter[]
  readonly moves: readonly Move[]
  /** By position: to be asked for by id. */
  readonly doubtful: readonly number[]
}

/** By position: the external ids of the parents, by the column that points to them. Only of the rows that are parked. */
const parentsOf = ({ layout, records, letters }: EntityOutcomes): string => {
  const byPos = records.flatMap(({ original }, pos) => {
    if (letters[pos] !== 'p') return []
    const ids = decodeParents(original.parents)
    return [[pos, Object.fromEntries(layout.parents.flatMap(({ column }, i) => (ids[i] == null ? [] : [[column, ids[i]]])))]]
  })
  return cleanJson(JSON.stringify(Object.fromEntries(byPos)), () => undefined)
}

/** Parks the rows whose letter is 'p' and gives those that lose against a parked one their letter. */
export const park = async (client: Queryable, outcomes: EntityOutcomes): Promise<Parked> => {
  const { layout, records, letters } = outcomes
  const parents = parentsOf(outcomes)
  const valuesOf = (positions: readonly number[]): unknown[] => {
    const originals = positions.map((pos) => records[pos]?.original)
    return [plainArray(positions), parents, originals.map((o) => o?.value ?? null), originals.map((o) => o?.replays ?? null)]
  }
  const settled = [...letters]
  const moves: Move[] = []
  const doubtful: number[] = []
  const positions = new Map(records.map((record, pos) => [record.encoded.id, pos]))
  let open = letters.flatMap((letter, pos) => (letter === 'p' ? [pos] : []))
  while (open.length > 0) {
    const { rows: put } = await client.query<{ id: string }>(parkStatement(layout), valuesOf(open))
    const done = new Set(put.map(({ id }) => positions.get(id)))
    open = open.filter((pos) => !done.has(pos))
    const { rows } =
      open.length === 0 ? { rows: [] } : await client.query<Compared>(compareParkedStatement(layout), [plainArray(open)])
    const newer = rows.filter((row) => row.newer)
    if (newer.length > 0) await client.query(replaceParkedStatement(layout), valuesOf(newer.map(({ pos }) => pos)))
    for (const row of newer) if (!row.own) moves.push(...moveOf(layout.entity, row, row.same ? 'unchanged' : 'stale'))
    for (const row of rows) if (row.doubtful) doubtful.push(row.pos)
    for (const row of rows) if (!row.newer) settled[row.pos] = letterOf(row)
    // A row that was there and is gone was swept in between: it is parked in the next round.
    const compared = new Set(rows.map(({ pos }) => pos))
    open = open.filter((pos) => !compared.has(pos))
  }
  return { letters: settled, moves, doubtful }
}

/** Organisations with parked rows, by entity. */
export const parkedOwners = async (client: Queryable): Promise<readonly { orgId: string; entity: string }[]> => {
  const looks = layouts
    .filter(({ parents }) => parents.length > 0)
    .map(({ entity, parked }) => `select distinct '${entity}' as entity, org_id from ${parked}`)
  const { rows } = await client.query<{ entity: string; org_id: string }>(looks.join(' union all '))
  return rows.map((row) => ({ orgId: row.org_id, entity: row.entity }))
}

/** Parked records by entity, of all organisations; entities that can be parked and are not have 0. */
export const parkedCounts = async (client: Queryable): Promise<readonly { entity: string; records: number }[]> => {
  const looks = layouts
    .filter(({ parents }) => parents.length > 0)
    .map(({ entity, parked }) => `select '${entity}' as entity, count(*) as records from ${parked}`)
  const { rows } = await client.query<{ entity: string; records: number }>(looks.join(' union all '))
  return rows
}
