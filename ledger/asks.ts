// Records to be asked for by their id: taken down by the sink in the transaction of its merge, coalesced per record, worked off by
// fetchers. Must hold: a row goes only when an answer to a question that began after its last `round` is durable on Kafka.
import type { Queryable } from '../platform/postgres.ts'
import type { Ask } from '../topics/asks.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { lapsed } from './workers.ts'

/**
 * hint: two versions that nothing orders. parent: a parked record waits for it, and it may come by itself: so it is asked for later,
 * and not at all if it has come.
 */
export type AskReason = 'hint' | 'parent'

export interface NewAsk extends Ask {
  readonly why: AskReason
  /** Of a record that was overtaken (sinks/overtaken.ts): when it was seen, in ms since 1970. Not asked for when that is long ago. */
  readonly seenAt?: number | undefined
}

export const PARENT_PATIENCE_S = 20
/** What was on its way for longer, or is read anew, must not become as many requests. */
export const ON_ITS_WAY = "interval '1 hour'"

const RECORD = `
  insert into sync.asks as a (org_id, source, entity, external_id, parents, why, wake_at)
  select i.org_id, i.source, i.entity, i.external_id, i.parents, i.why,
    now() + case when i.why = 'parent' then interval '${PARENT_PATIENCE_S} seconds' else interval '0' end
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::float8[])
    as i(org_id, source, entity, external_id, parents, why, seen_at)
  join sync.connections c on c.org_id = i.org_id and c.source = i.source
  where i.seen_at is null or to_timestamp(i.seen_at / 1000) > now() - ${ON_ITS_WAY}
  order by i.org_id, i.source, i.entity, i.external_id
  on conflict (org_id, source, entity, external_id) do update set
    round = a.round + 1, why = 'hint', parents = a.parents || excluded.parents,
    -- One that fails keeps its time: a hint more does not make the API well.
    wake_at = case when a.failures > 0 then a.wake_at else least(a.wake_at, excluded.wake_at) end
  where excluded.why = 'hint'`

const keyOf = ({ orgId, source, entity, externalId }: Ask): string => JSON.stringify([orgId, source, entity, externalId])

/** One that is asked for in any case is so for both. */
const laterOf = (ask: NewAsk, known: NewAsk = ask): number | undefined =>
  ask.seenAt === undefined || known.seenAt === undefined ? undefined : Math.max(ask.seenAt, known.seenAt)

/** One of each record; a hint before a parent, and what any of them knows of the parents. */
const coalesced = (asks: readonly NewAsk[]): readonly NewAsk[] => {
  const byKey = new Map<string, NewAsk>()
  for (const ask of asks) {
    const known = byKey.get(keyOf(ask))
    const why = ask.why === 'hint' || known?.why === 'hint' ? 'hint' : 'parent'
    byKey.set(keyOf(ask), { ...ask, why, parents: { ...known?.parents, ...ask.parents }, seenAt: laterOf(ask, known) })
  }
  return [...byKey.values()]
}

/** Of connections that there are; others are let go. Locks rows in key order. */
export const recordAsks = async (client: Queryable, all: readonly NewAsk[]): Promise<void> => {
  if (all.length === 0) return
  const asks = coalesced(all)
  await client.query(RECORD, [
    asks.map(({ orgId }) => orgId),
    asks.map(({ source }) => source),
    asks.map(({ entity }) => entity),
    asks.map(({ externalId }) => externalId),
    asks.map(({ parents }) => JSON.stringify(parents)),
    asks.map(({ why }) => why),
    asks.map(({ seenAt }) => seenAt ?? null),
  ])
}

export interface TakenAsk extends Ask {
  readonly why: AskReason
  readonly round: number
  readonly failures: number
}

interface TakenRow {
  org_id: string
  source: string
  entity: string
  external_id: string
  parents: Record<string, string>
  why: AskReason
  round: number
  failures: number
}

/** A connection as one text. */
export const connectionRef = ({ orgId, source }: Pick<Ask, 'orgId' | 'source'>): string => `${orgId}/${source}`

/** The quick answer to whether there is any to be taken. */
export const hasAsks = async (client: Queryable): Promise<boolean> => {
  const { rows } = await client.query<{ there: boolean }>('select exists (select from sync.asks) as there')
  return rows[0]?.there ?? false
}

const TAKE = `
  with due as (
    select org_id, source, entity, external_id from sync.asks a
    where wake_at <= now() and (a.holder = $1 or ${lapsed('a.holder')}) and org_id || '/' || source <> all($3)
      and not exists (select from sync.source_health h where (h.org_id, h.source) = (a.org_id, a.source) and h.paused_at is not null)
    order by wake_at limit $2 for update skip locked)
  update sync.asks a set holder = $1 from due d
  where (a.org_id, a.source, a.entity, a.external_id) = (d.org_id, d.source, d.entity, d.external_id)
  returning a.org_id, a.source, a.entity, a.external_id, a.parents, a.why, a.round, a.failures`

/**
 * Up to `limit` asks that are due, of connections that are not paused and not `busy` (as `connectionRef`), for this worker alone while its lease holds. What
 * it holds of others it has lost from sight, because an answer of PostgreSQL did not come: that is taken again.
 */
export const takeAsks = async (
  client: Queryable,
  workerId: string,
  limit: number,
  busy: readonly string[],
): Promise<readonly TakenAsk[]> => {
  const { rows } = await client.query<TakenRow>(TAKE, [workerId, limit, busy])
  return rows.map(({ org_id, external_id, ...row }) => ({ ...row, orgId: org_id, externalId: external_id }))
}

const tables = new Map(canonicalEntities.map(({ entity, table }) => [entity, table]))

/** Those that a parked record waited for and that have come by themselves. Of one organisation and source. */
export const arrivedParents = async (client: Queryable, asks: readonly TakenAsk[]): Promise<readonly TakenAsk[]> => {
  const parents = asks.filter(({ why }) => why === 'parent')
  const arrived: TakenAsk[] = []
  for (const entity of new Set(parents.map((ask) => ask.entity))) {
    const of = parents.filter((ask) => ask.entity === entity)
    const table = tables.get(entity)
    if (table === undefined) continue
    const { rows } = await client.query<{ external_id: string }>(
      `select external_id from canonical."${table}" where org_id = $1 and source = $2 and external_id = any($3)`,
      [of[0]?.orgId, of[0]?.source, of.map(({ externalId }) => externalId)],
    )
    const ids = new Set(rows.map((row) => row.external_id))
    arrived.push(...of.filter(({ externalId }) => ids.has(externalId)))
  }
  return arrived
}

const KEYS = 'unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::int[]) as i(org_id, source, entity, external_id, round)'
const IS_KEY = '(a.org_id, a.source, a.entity, a.external_id) = (i.org_id, i.source, i.entity, i.external_id)'

const keysOf = (asks: readonly TakenAsk[]): unknown[] => [
  asks.map(({ orgId }) => orgId),
  asks.map(({ source }) => source),
  asks.map(({ entity }) => entity),
  asks.map(({ externalId }) => externalId),
  asks.map(({ round }) => round),
]

/** Their answers are durable, or not needed. What was asked for again meanwhile stays, and is free to be taken. */
export const settleAsks = async (client: Queryable, workerId: string, asks: readonly TakenAsk[]): Promise<void> => {
  if (asks.length === 0) return
  const values = [workerId, ...keysOf(asks)]
  await client.query(`delete from sync.asks a using ${KEYS} where ${IS_KEY} and a.round = i.round and a.holder = $1`, values)
  await client.query(`update sync.asks a set holder = null from ${KEYS} where ${IS_KEY} and a.holder = $1`, values)
}

/** What failed of a connection is due at once: it was given what it wanted for. */
export const wakeFailedAsks = async (client: Queryable, { orgId, source }: Pick<Ask, 'orgId' | 'source'>): Promise<void> => {
  await client.query(
    `with failed as (
       select org_id, source, entity, external_id from sync.asks where org_id = $1 and source = $2 and failures > 0
       order by entity, external_id for update)
     update sync.asks a set failures = 0, reason = null, wake_at = now() from failed f
     where (a.org_id, a.source, a.entity, a.external_id) = (f.org_id, f.source, f.entity, f.external_id)`,
    [orgId, source],
  )
}

export interface Postponed {
  readonly ask: TakenAsk
  readonly inMs: number
  /** Of the failure; undefined: it only waits for its turn. */
  readonly reason?: string | undefined
}

/** To be asked later. Never given up: only an answer ends it, or the end of its connection. */
export const postponeAsks = async (client: Queryable, workerId: string, all: readonly Postponed[]): Promise<void> => {
  if (all.length === 0) return
  await client.query(
    `update sync.asks a set holder = null, wake_at = now() + i.in_ms * interval '1 millisecond', reason = i.reason,
       failures = case when i.reason is null then a.failures else a.failures + 1 end
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::text[])
       as i(org_id, source, entity, external_id, in_ms, reason)
     where ${IS_KEY} and a.holder = $1`,
    [
      workerId,
      ...keysOf(all.map(({ ask }) => ask)).slice(0, -1),
      all.map(({ inMs }) => inMs),
      all.map(({ reason }) => reason ?? null),
    ],
  )
}
