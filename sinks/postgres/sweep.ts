// Parked rows whose parents have come, into the table by the same path as any other; their outcomes move on the landings.
// Must hold: a sweep looks after the commit of the merge, so that of two merges that bring parent and child one sees both; what a table
// refuses is buried, by whoever can, before it leaves.
import { type NewAsk, recordAsks } from '../../ledger/asks.ts'
import { type Move, moveOutcomes } from '../../ledger/landings.ts'
import { type Pool, type PoolClient, plainArray } from '../../platform/postgres.ts'
import { type Layout, layoutByEntity, layouts } from './layout.ts'
import type { EntityOutcomes, MergeResult } from './merge.ts'
import { moveOf, type OriginRow } from './parking.ts'
import { type RefusedParked, readRefused, unparkRefused } from './refused-parked.ts'
import { emptyStaging, inSession } from './session.ts'
import { mergeStaged } from './staging.ts'
import {
  type OutcomeLetter,
  stageAllParkedStatement,
  stagedKeysStatement,
  stageParkedOfStatement,
  unparkStatement,
} from './statements.ts'

const MAX_SWEPT = 10_000

const FINAL: Readonly<Record<OutcomeLetter, Move['to'] | undefined>> = {
  n: 'merged',
  m: 'merged',
  u: 'unchanged',
  r: 'unchanged',
  s: 'stale',
  p: undefined,
  x: undefined,
}

/** Makes dead letters of the rows; resolves when these are on Kafka. */
export type Bury = (refused: readonly RefusedParked[]) => Promise<void>

interface Settled {
  /** Rows that are parked no more. */
  readonly swept: number
  readonly refused: readonly RefusedParked[]
}

const buryAll = async (pool: Pool, bury: Bury, refused: readonly RefusedParked[]): Promise<number> => {
  if (refused.length === 0) return 0
  await bury(refused)
  await unparkRefused(pool, refused)
  return refused.length
}

/** Merges what is staged from the parked rows. */
const settleStaged = async (client: PoolClient, layout: Layout): Promise<Settled> => {
  const { letters, refused, doubtful } = await mergeStaged(client, layout)
  const settled = letters.flatMap((letter, pos) => (FINAL[letter] === undefined ? [] : [pos]))
  const { rows } = await client.query<OriginRow & { pos: number }>(unparkStatement(layout), [plainArray(settled)])
  const moves = rows.flatMap((row) => {
    const to = FINAL[letters[row.pos] ?? 'p']
    return to === undefined ? [] : moveOf(layout.entity, row, to)
  })
  await moveOutcomes(client, moves)
  const asks = await asksOfStaged(
    client,
    layout,
    doubtful.filter((pos) => settled.includes(pos)),
  )
  await recordAsks(client, asks)
  return { swept: rows.length, refused: await readRefused(client, layout, refused) }
}

const asksOfStaged = async (client: PoolClient, layout: Layout, positions: readonly number[]): Promise<readonly NewAsk[]> => {
  if (positions.length === 0) return []
  const { rows } = await client.query<{ org_id: string; source: string; external_id: string }>(stagedKeysStatement(layout), [
    plainArray(positions),
  ])
  return rows.map(({ org_id: orgId, source, external_id: externalId }) => ({
    orgId,
    source,
    entity: layout.entity,
    externalId,
    parents: {},
    why: 'hint',
  }))
}

/** Any text may be the name of an organisation; an id is a uuid. */
const keysOf = (entity: EntityOutcomes | undefined, letter: OutcomeLetter): [orgIds: string[], ids: string] => {
  const chosen = entity?.records.filter((_, pos) => entity.letters[pos] === letter) ?? []
  return [chosen.map(({ encoded }) => encoded.orgId), plainArray(chosen.map(({ encoded }) => encoded.id))]
}

/** Which entities have parked rows at all: one cheap look, because nearly always none has. */
const entitiesParked = async (client: PoolClient, among: readonly Layout[]): Promise<readonly Layout[]> => {
  const looks = among.map(({ parked }, i) => `exists (select from ${parked}) as "${i}"`)
  const { rows } = await client.query<Record<string, boolean>>(`select ${looks.join(', ')}`)
  return among.filter((_, i) => rows[0]?.[String(i)] === true)
}

/** After the commit of a merge: the rows it parked, and the parked children of what is new. Returns how many are parked no more. */
export const sweepAfter = async (pool: Pool, { entities }: MergeResult, bury: Bury): Promise<number> => {
  const byEntity = new Map(entities.map((e) => [e.layout.entity, e]))
  const touched = layouts.filter(
    ({ entity, parents }) =>
      parents.some((parent) => byEntity.get(parent.entity)?.letters.includes('n')) ||
      (parents.length > 0 && byEntity.get(entity)?.letters.includes('p')),
  )
  if (touched.length === 0) return 0
  const settled = await inSession(pool, async (client) => {
    const all: Settled[] = []
    for (const layout of await entitiesParked(client, touched)) {
      const keys = [keysOf(byEntity.get(layout.entity), 'p'), ...layout.parents.map((p) => keysOf(byEntity.get(p.entity), 'n'))]
      await emptyStaging(client, layout, MAX_SWEPT)
      const { rowCount } = await client.query(stageParkedOfStatement(layout), keys.flat())
      if (rowCount !== 0) all.push(await settleStaged(client, layout))
    }
    return all
  })
  const buried = await buryAll(
    pool,
    bury,
    settled.flatMap(({ refused }) => refused),
  )
  return settled.reduce((sum, { swept }) => sum + swept, buried)
}

/**
 * The whole table of one entity of one organisation. `atStart` runs at the beginning of the transaction that finds nothing
 * more than it can sweep itself: who records there that the sweep is done records it of that moment.
 */
export const sweepParked = async (
  pool: Pool,
  orgId: string,
  entity: string,
  bury: Bury,
  atStart?: (client: PoolClient) => Promise<void>,
): Promise<number> => {
  const layout = layoutByEntity.get(entity)
  if (layout === undefined || layout.parents.length === 0) {
    if (atStart !== undefined) await inSession(pool, atStart)
    return 0
  }
  const sweepSome = (first?: typeof atStart) =>
    inSession(pool, async (client) => {
      await first?.(client)
      await emptyStaging(client, layout, MAX_SWEPT)
      const { rowCount } = await client.query(stageAllParkedStatement(layout), [orgId, MAX_SWEPT])
      const settled = rowCount === 0 ? { swept: 0, refused: [] } : await settleStaged(client, layout)
      return { staged: rowCount ?? 0, ...settled }
    })
  let total = 0
  for (let last = false; ; ) {
    const { staged, swept, refused } = await sweepSome(last ? atStart : undefined)
    const done = swept + (await buryAll(pool, bury, refused))
    total += done
    const more = staged === MAX_SWEPT && done > 0
    if (!more && (last || atStart === undefined)) return total
    last = !more
  }
}
