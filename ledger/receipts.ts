// Receipts: one row per page received, written together with the range's advance. Many ranges share one statement.
import type { Json } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'
import { OUTCOMES } from './landings.ts'

export interface Receipt {
  readonly runId: string
  readonly rangeId: number
  /** The epoch under which the range was taken: a receipt of an older one is refused. */
  readonly epoch: number
  readonly page: number
  readonly entity: string
  /** Where the walk goes on; null: it is at its end and so is the range. */
  readonly next: Json | null
  /** The slice ends here: the range is released and a successor command follows. */
  readonly release: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly fresh: number
  readonly total: number | null
  readonly drifted: boolean
  readonly bytes: number
  /** Path and query of the request, for `trace`. */
  readonly request: string
  readonly observedAt: number
  readonly rawPartition: number
  readonly rawOffset: bigint
  /** Requests it took since the last receipt. */
  readonly calls: number
}

/** accepted: written now. repeated: it had been written before (its answer was lost). refused: the range is not ours any more. */
export type ReceiptResult = { readonly outcome: 'accepted' | 'repeated' | 'refused'; readonly runState: string }

const ZERO_BITS = OUTCOMES.map(() => "repeat('0', c.count)::bit varying").join(', ')

const WRITE = `
  with input as materialized (
    select * from jsonb_to_recordset($2::jsonb) as i("runId" uuid, "rangeId" int, epoch int, page int, entity text, next jsonb,
      ended boolean, release boolean, counts jsonb, fresh int, total bigint, drifted boolean, bytes int, request text, "observedAt" timestamptz,
      "rawPartition" int, "rawOffset" bigint, calls int, n int)),
  advanced as (
    update sync.ranges r set cursor = i.next, next_page = i.page + 1, calls = r.calls + i.calls, failures = 0, reason = null,
      state = case when i.ended then 'ended' else r.state end,
      holder = case when i.ended or i.release then null else r.holder end,
      wake_at = case when i.ended then null else now() + interval '10 seconds' end, wake_delay_ms = 10000,
      emitted_at = case when i.release then now() end
    from input i, sync.runs u
    where r.run_id = i."runId" and r.range_id = i."rangeId" and r.epoch = i.epoch and r.holder = $1 and r.next_page = i.page
      and r.state = 'open' and u.run_id = r.run_id and u.state in ('running', 'paused')
    returning i.*),
  received as (
    insert into sync.pages (run_id, range_id, page, attempt, entity, raw_partition, raw_offset, bytes, fresh, total, drifted, request, observed_at, next)
    select "runId", "rangeId", page, epoch, entity, "rawPartition", "rawOffset", bytes, fresh, total, drifted, request, "observedAt", next from advanced),
  awaited as (
    insert into sync.landings (run_id, range_id, page, attempt, entity, expected, ${OUTCOMES.join(', ')})
    select a."runId", a."rangeId", a.page, a.epoch, c.entity, c.count, ${ZERO_BITS}
    from advanced a, lateral (select key as entity, value::int as count from jsonb_each_text(a.counts)) c
    where c.count > 0 order by 1, 2, 3, 4, 5
    on conflict do nothing)
  select i.n, u.state as run_state, a.n is not null as accepted, p.page is not null as repeated
  from input i
  left join sync.runs u on u.run_id = i."runId"
  left join advanced a on a.n = i.n
  left join sync.pages p on p.run_id = i."runId" and p.range_id = i."rangeId" and p.page = i.page and p.attempt = i.epoch and p.accepted
  order by i.n`

/** Writes the receipts in one transaction, each advancing its range by exactly one page or being refused. In the order given. */
export const writeReceipts = async (
  client: Queryable,
  workerId: string,
  receipts: readonly Receipt[],
): Promise<readonly ReceiptResult[]> => {
  const input = receipts.map((receipt, n) => ({
    ...receipt,
    n,
    ended: receipt.next === null,
    observedAt: new Date(receipt.observedAt).toISOString(),
    rawOffset: receipt.rawOffset.toString(),
  }))
  const { rows } = await client.query<{ n: number; run_state: string | null; accepted: boolean; repeated: boolean }>({
    name: 'write receipts',
    text: WRITE,
    values: [workerId, JSON.stringify(input)],
  })
  return rows.map((row) => ({
    outcome: row.accepted ? 'accepted' : row.repeated ? 'repeated' : 'refused',
    runState: row.run_state ?? 'unknown',
  }))
}
