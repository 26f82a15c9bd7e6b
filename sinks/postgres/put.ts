// Writes staged rows into their table though PostgreSQL may refuse some: goes in which rows, come out how many were written and why
// the others were not. Must hold: a row that is refused costs its neighbours nothing but time, and a flood of them little of that.
import { type PoolClient, plainArray, refusalOf } from '../../platform/postgres.ts'
import type { Layout } from './layout.ts'
import { refusalIn } from './refusal.ts'
import { CHECKS_STATEMENT, putStatement, violationsStatement } from './statements.ts'

export interface Put {
  /** Rows written: those of the positions that were not refused, less what another merge has overtaken. */
  readonly rowCount: number
  /** Why, by position. */
  readonly refused: ReadonlyMap<number, string>
}

const NOTHING: Put = { rowCount: 0, refused: new Map() }

/** Writes all of the positions or none. */
const put = async (client: PoolClient, layout: Layout, positions: readonly number[], staged: number): Promise<number> => {
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
  // A check may itself be what fails for a row; it is then found by halving.
  await refusalIn(client, async () => {
    const { rows: bad } = await client.query<{ pos: number; state: string; name: string }>(
      violationsStatement(layout, violated),
      [plainArray(positions)],
    )
    for (const { pos, state, name } of bad) found.set(pos, `SQLSTATE ${state} at ${name}`)
  })
  return found
}

/** Halves until each row that is refused stands alone: for what no look at the table foretells (triggers, other indexes). */
const putHalving = async (client: PoolClient, layout: Layout, positions: readonly number[]): Promise<Put> => {
  if (positions.length === 0) return NOTHING
  let rowCount = 0
  const error = await refusalIn(client, async () => {
    rowCount = await put(client, layout, positions, Number.POSITIVE_INFINITY)
  })
  if (error === undefined) return { rowCount, refused: NOTHING.refused }
  const [only] = positions
  if (only !== undefined && positions.length === 1) return { rowCount: 0, refused: new Map([[only, refusalOf(error)]]) }
  const middle = positions.length >> 1
  const first = await putHalving(client, layout, positions.slice(0, middle))
  const second = await putHalving(client, layout, positions.slice(middle))
  return { rowCount: first.rowCount + second.rowCount, refused: new Map([...first.refused, ...second.refused]) }
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
  const error = await refusalIn(client, async () => {
    rowCount = await put(client, layout, positions, staged)
  })
  if (error === undefined) return { rowCount, refused: NOTHING.refused }
  const found = await violations(client, layout, positions)
  const rest = positions.filter((pos) => !found.has(pos))
  const halved = await putHalving(client, layout, rest)
  return { rowCount: halved.rowCount, refused: new Map([...found, ...halved.refused]) }
}
