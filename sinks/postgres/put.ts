// Writes staged rows into their table though PostgreSQL may refuse some: goes in which rows, come out how many were written and why
// the others were not. Must hold: a row that is refused costs its neighbours nothing but time, and a flood of them little of that.
import { type PoolClient, plainArray, refusalText } from '../../platform/postgres.ts'
import type { Layout } from './layout.ts'
import { refusalIn } from './refusal.ts'
import { CHECKS_STATEMENT, putInPiecesStatement, putStatement, violationsStatement } from './statements.ts'

export interface Put {
  /** Rows written: those of the positions that were not refused, less what another merge has overtaken. */
  readonly rowCount: number
  /** Why, by position. */
  readonly refused: ReadonlyMap<number, string>
}

const NOTHING: Put = { rowCount: 0, refused: new Map() }

/** Writes all of the positions or none. */
const put = async (client: PoolClient, layout: Layout, positions: readonly number[], staged: number): Promise<number> => {
  if (positions.length === 0) return 0
  const all = positions.length === staged
  const { rowCount } = await client.query(putStatement(layout, !all), all ? [] : [plainArray(positions)])
  return rowCount ?? 0
}

/** Rows that violate what the table's own definition says, found by one look for all of them. */
const violations = async (
  client: PoolClient,
  layout: Layout,
  positions: readonly number[],
): Promise<ReadonlyMap<number, string>> => {
  const { rows } = await client.query<{ violated: string | null }>(CHECKS_STATEMENT, [layout.table])
  const violated = rows[0]?.violated
  const found = new Map<number, string>()
  if (violated == null) return found
  // A check may itself be what fails for a row; it is then found in pieces.
  await refusalIn(client, async () => {
    const { rows: bad } = await client.query<{ pos: number; state: string; name: string }>(
      violationsStatement(layout, violated),
      [plainArray(positions)],
    )
    for (const { pos, state, name } of bad) found.set(pos, refusalText(state, name))
  })
  return found
}

/** Piece by piece, within PostgreSQL: for what no look at the table foretells (triggers, indexes that are not ours). */
const putInPieces = async (client: PoolClient, layout: Layout, positions: readonly number[]): Promise<Put> => {
  if (positions.length === 0) return NOTHING
  await client.query("select set_config('syncline.positions', $1, true)", [plainArray(positions)])
  await client.query(putInPiecesStatement(layout))
  const { rows } = await client.query<{ written: number; refused: readonly [number, string, string][] }>(
    "select current_setting('syncline.written')::bigint as written, current_setting('syncline.refused')::jsonb as refused",
  )
  const refused = rows[0]?.refused ?? []
  return { rowCount: rows[0]?.written ?? 0, refused: new Map(refused.map(([pos, state, at]) => [pos, refusalText(state, at)])) }
}

/** `positions` of `staged` rows in ascending order. Throws what PostgreSQL throws, unless it refuses a row. */
export const putWhatIsHeld = async (
  client: PoolClient,
  layout: Layout,
  positions: readonly number[],
  staged: number,
): Promise<Put> => {
  if (positions.length === 0) return NOTHING
  let rowCount = 0
  const putAll = (some: readonly number[]) => async () => {
    rowCount = await put(client, layout, some, staged)
  }
  const error = await refusalIn(client, putAll(positions))
  if (error === undefined) return { rowCount, refused: NOTHING.refused }
  const found = await violations(client, layout, positions)
  const rest = positions.filter((pos) => !found.has(pos))
  const again = found.size === 0 ? error : await refusalIn(client, putAll(rest))
  if (again === undefined) return { rowCount, refused: found }
  const pieces = await putInPieces(client, layout, rest)
  return { rowCount: pieces.rowCount, refused: new Map([...found, ...pieces.refused]) }
}
