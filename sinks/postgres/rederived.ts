// Records made again from a topic, and how the table differs from them: batches of records go in, the difference comes out.
// Must hold: however many there are, they stand in PostgreSQL and not here; the table is only read, but for `disown`.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { type Pool, type PoolClient, plainArray, retrying } from '../../platform/postgres.ts'
import type { BatchRecord } from '../batch.ts'
import { copyRows } from './copy-rows.ts'
import {
  absorbStatements,
  analyzeStatement,
  columnsStatement,
  compareStatement,
  copyArrivedStatement,
  createStatements,
  DIFFERENCE_KINDS,
  type DifferenceKind,
  disownStatement,
  examplesStatement,
  forgetStatement,
  kindsStatement,
  MENDED_KINDS,
  MENDING_OUTCOMES,
  type MendingOutcome,
  mendedStatement,
  mendingStatement,
  totalsStatement,
} from './difference.ts'
import type { Layout } from './layout.ts'

export interface RederivedOwner {
  readonly orgId: string
  readonly sources: readonly string[]
}

export interface Comparison {
  /** Distinct ids on the topic, deleted ones included. */
  readonly records: number
  readonly same: number
  readonly counts: Readonly<Record<DifferenceKind, number>>
  /** Column to the number of changed rows in which it differs; most first. */
  readonly columns: Readonly<Record<string, number>>
  /** A revision of the mapping above that of each row that is to be mended; 0: there is none. */
  readonly revision: number
}

export interface Example {
  readonly kind: DifferenceKind
  readonly id: string
  readonly source: string
  readonly externalId: string | null
  /** Columns that differ; null where there is one side only. */
  readonly columns: readonly string[] | null
  /** Whole rows by column name, when they were asked for; null: there is none. */
  readonly here?: Readonly<Record<string, unknown>> | null
  readonly there?: Readonly<Record<string, unknown>> | null
}

export type Mended = Readonly<Record<MendingOutcome, number>>

export interface ToMend {
  readonly id: string
  /** The row was changed without its hash. */
  readonly altered: boolean
  /** The record as it stands on the topic, or would. */
  readonly message: Buffer
}

export interface Rederived {
  /** The newest version of each id stays. Ids of one call are distinct; records of other organisations or sources are left out. */
  absorb(records: readonly BatchRecord[]): Promise<void>
  forget(ids: readonly string[]): Promise<void>
  /** To be called once, when all records are here. */
  compare(): Promise<Comparison>
  examples(kind: DifferenceKind, limit: number, withValues: boolean): Promise<readonly Example[]>
  toMend(): AsyncGenerator<readonly ToMend[]>
  /** How many of those the table has now, and what became of the others. */
  mended(): Promise<Mended>
  /** Lets the merge see that these rows are not what their hash says. */
  disown(ids: readonly string[]): Promise<void>
  close(): void
}

const MENDED_AT_A_TIME = 1_000
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'
/** A comparison of millions of rows takes longer than any statement of a worker may. */
const SETTINGS =
  "set statement_timeout = 0; set temp_buffers = '32MB'; set work_mem = '64MB'; set jit = off; set client_min_messages = warning"

/** Temporary tables on a connection of its own, which ends with `close`, or with the process. */
export const openRederived = async (pool: Pool, layout: Layout, { orgId, sources }: RederivedOwner): Promise<Rederived> => {
  const client = await pool.connect()
  try {
    await client.query([SETTINGS, ...createStatements(layout)].join('; '))
  } catch (error) {
    client.release(true)
    throw error
  }
  const isOurs = ({ encoded }: BatchRecord) => encoded.orgId === orgId && sources.includes(encoded.source)
  return {
    absorb: async (records) => {
      const ours = records.filter(isOurs)
      if (ours.length === 0) return
      const rows = copyRows(ours, (out, { encoded, original }) => {
        out.fieldCount(layout.record.length + 1)
        out.copy(encoded.row)
        out.bytes(original.value ?? Buffer.alloc(0))
      })
      await pipeline(Readable.from(rows), client.query(copyFrom(copyArrivedStatement(layout))))
      for (const statement of absorbStatements(layout)) await client.query(statement)
    },
    forget: async (ids) => void (await client.query(forgetStatement, [plainArray(ids)])),
    compare: async () => {
      await client.query(analyzeStatement)
      await client.query(compareStatement(layout), [orgId, sources])
      return comparisonOf(client)
    },
    examples: async (kind, limit, withValues) => {
      const { rows } = await client.query<ExampleRow>(
        examplesStatement(layout, withValues),
        withValues ? [kind, limit, orgId] : [kind, limit],
      )
      return rows.map((row) => exampleOf(kind, row))
    },
    toMend: () => mendingOf(client),
    mended: async () => {
      const { rows } = await client.query<{ outcome: MendingOutcome; n: number }>(mendedStatement(layout), [
        orgId,
        [...MENDED_KINDS],
      ])
      const found = new Map(rows.map(({ outcome, n }) => [outcome, n]))
      // fromEntries widens the keys, which are those of MENDING_OUTCOMES.
      return Object.fromEntries(MENDING_OUTCOMES.map((outcome) => [outcome, found.get(outcome) ?? 0])) as Mended
    },
    disown: async (ids) => {
      if (ids.length > 0) await retrying(() => client.query(disownStatement(layout), [orgId, plainArray(ids)]))
    },
    // Ended and not given back: its tables and settings are nobody else's.
    close: () => client.release(true),
  }
}

const comparisonOf = async (client: PoolClient): Promise<Comparison> => {
  const totals = await client.query<{ records: number; revision: number | null }>(totalsStatement, [[...MENDED_KINDS]])
  const kinds = await client.query<{ kind: DifferenceKind; n: number }>(kindsStatement)
  const columns = await client.query<{ name: string; n: number }>(columnsStatement)
  const found = new Map(kinds.rows.map(({ kind, n }) => [kind, n]))
  const counts = Object.fromEntries(DIFFERENCE_KINDS.map((kind) => [kind, found.get(kind) ?? 0]))
  const { records = 0, revision = null } = totals.rows[0] ?? {}
  const onTopic = DIFFERENCE_KINDS.reduce((sum, kind) => (kind === 'only-table' ? sum : sum + (found.get(kind) ?? 0)), 0)
  return {
    records,
    same: records - onTopic,
    // fromEntries widens the keys, which are those of DIFFERENCE_KINDS.
    counts: counts as Record<DifferenceKind, number>,
    columns: Object.fromEntries(columns.rows.map(({ name, n }) => [name, n])),
    revision: revision ?? 0,
  }
}

interface ExampleRow {
  readonly id: string
  readonly source: string
  readonly external_id: string | null
  readonly columns: readonly string[] | null
  readonly here?: Readonly<Record<string, unknown>> | null
  readonly there?: Readonly<Record<string, unknown>> | null
}

const exampleOf = (kind: DifferenceKind, { external_id: externalId, ...row }: ExampleRow): Example => ({
  ...row,
  kind,
  externalId,
})

const mendingOf = async function* (client: PoolClient): AsyncGenerator<readonly ToMend[]> {
  for (let after = LOWEST_ID; ; ) {
    const { rows } = await client.query<ToMend>(mendingStatement, [after, MENDED_AT_A_TIME, [...MENDED_KINDS]])
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last.id
  }
}
