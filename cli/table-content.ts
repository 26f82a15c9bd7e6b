// Live rows of one entity of one connection as content to compare, by id, by parent, or some at random. Only reads.
import type { Queryable } from '../platform/postgres.ts'
import { type CanonicalEntity, canonicalEntity } from '../topics/canonical.ts'
import { type Owner, selected, valuesOfRow } from './compare.ts'
import { type Content, contentOf } from './compare-content.ts'

export interface RowKey {
  readonly id: string
  readonly externalId: string
}

export interface TableContent {
  readonly entity: CanonicalEntity
  byIds(ids: readonly string[]): Promise<ReadonlyMap<string, Content>>
  /** Rows whose column points to one of the parents (canonical ids). */
  below(column: string, parents: readonly string[]): Promise<readonly RowKey[]>
  random(limit: number): Promise<readonly RowKey[]>
  /** All keys, in portions. */
  all(): AsyncGenerator<readonly RowKey[]>
  count(): Promise<number>
}

const KEYS_PER_READ = 10_000
const FIRST = '00000000-0000-0000-0000-000000000000'

export const tableContent = (client: Queryable, { orgId, source }: Owner, name: string): TableContent => {
  const entity = canonicalEntity(name)
  const { table, columns } = entity
  const live = `from canonical."${table}" where org_id = $1 and source = $2 and deleted_at is null`

  const keys = async (rest: string, ...values: readonly unknown[]): Promise<readonly RowKey[]> => {
    const { rows } = await client.query<{ id: string; external_id: string }>(`select id, external_id ${live} ${rest}`, [
      orgId,
      source,
      ...values,
    ])
    return rows.map((row) => ({ id: row.id, externalId: row.external_id }))
  }

  return {
    entity,
    byIds: async (ids) => {
      // Positions, because a column may be called as anything.
      const list = selected(columns)
      const { rows } = await client.query<{ row: unknown[] }>(
        `select jsonb_build_array(${list}, external_id) as row ${live} and id = any($3::uuid[])`,
        [orgId, source, ids],
      )
      return new Map(
        rows.map(({ row }): [string, Content] => {
          const content = contentOf(String(row.at(-1)), columns, valuesOfRow(row, columns))
          return [content.id, content]
        }),
      )
    },
    below: (column, parents) => {
      const known = columns.find((each) => each.column === column)
      if (known === undefined) throw new Error(`${name} has no column ${column}`)
      return keys(`and "${known.column}" = any($3::uuid[])`, parents)
    },
    random: (limit) => keys('order by random() limit $3', limit),
    all: async function* () {
      for (let after = FIRST; ; ) {
        const found = await keys(`and id > $3 order by id limit ${KEYS_PER_READ}`, after)
        if (found.length > 0) yield found
        if (found.length < KEYS_PER_READ) return
        after = found.at(-1)?.id ?? after
      }
    },
    count: async () => {
      const { rows } = await client.query<{ n: number }>(`select count(*) as n ${live}`, [orgId, source])
      return rows[0]?.n ?? 0
    },
  }
}

/** When the last sync of an entity that came to its end began, in ms since 1970; null: there was none. */
export const lastSyncedAt = async (client: Queryable, { orgId, source }: Owner, entity: string): Promise<number | null> => {
  const { rows } = await client.query<{ at: Date | null }>(
    `select max(e.started_at) as at from sync.run_entities e join sync.runs r on r.run_id = e.run_id
     where r.org_id = $1 and r.source = $2 and e.entity = $3 and e.state in ('closed', 'unproven')`,
    [orgId, source, entity],
  )
  return rows[0]?.at?.getTime() ?? null
}
